//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

mod support;

mod admin_ending;
mod admin_sessions;
mod bad_input;
mod login;
mod my_sessions;
mod operator_pages;
mod profile;
mod register;
mod routes_are_guarded;
mod setup;
