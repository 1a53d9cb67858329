//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says so by panicking, helpers and all")]

mod support;

mod accessibility;
mod activity;
mod admin_ending;
mod admin_events;
mod admin_session;
mod admin_sessions;
mod admin_users;
mod bad_input;
mod browser;
mod browser_plain;
mod browser_users;
mod catalogue_decides;
mod cli;
mod cli_users;
mod confirm_password;
mod cookies;
mod crawl;
mod crowd;
mod demo;
mod ends;
mod engine;
mod foreign_requests;
mod instances;
mod invitations;
mod kill_nine;
mod last_administrator;
mod lifetimes;
mod login;
mod migrations;
mod model;
mod my_sessions;
mod operator_pages;
mod outage;
mod overtaken;
mod overview;
mod passwords;
mod pool_faults;
mod postgres_faults;
mod profile;
mod races;
mod redis_faults;
mod register;
mod rotation;
mod routes_are_guarded;
mod secrets;
mod security;
mod setup;
mod static_files;
mod store_contract;
mod tour;
