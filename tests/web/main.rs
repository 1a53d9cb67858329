//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

mod support;

mod admin_ending;
mod admin_session;
mod admin_sessions;
mod bad_input;
mod cli;
mod cookies;
mod foreign_requests;
mod login;
mod migrations;
mod my_sessions;
mod operator_pages;
mod passwords;
mod profile;
mod register;
mod routes_are_guarded;
mod secrets;
mod security;
mod setup;
