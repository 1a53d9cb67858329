//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says so by panicking, helpers and all")]

mod support;

mod accessibility;
mod admin_ending;
mod admin_session;
mod admin_sessions;
mod bad_input;
mod browser;
mod browser_plain;
mod catalogue_decides;
mod cli;
mod cookies;
mod crawl;
mod crowd;
mod ends;
mod engine;
mod farewells;
mod foreign_requests;
mod instances;
mod kill_nine;
mod lifetimes;
mod live;
mod live_browser;
mod live_faults;
mod login;
mod migrations;
mod model;
mod my_sessions;
mod operator_pages;
mod outage;
mod overtaken;
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
