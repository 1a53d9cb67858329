//! Gatehouse: the login for a web site, with sessions that can be seen and ended.
//!
//! The rooms below form a staircase: a room uses only rooms that stand below it. `tests/house.rs` reads this list and fails
//! when an import climbs.
//!
//! - [`cli`] – the commands: serve, migrate, user, sessions, demo
//! - [`app`] – starting and stopping; the parts that handlers share; the order of middleware
//! - [`routes`] – the whole URL table, and who may use each route
//! - [`admin`] – the administration's pages: sessions, users, events, overview
//! - [`api`] – JSON for front ends, apps and scripts
//! - [`accounts`] – the operations on accounts, and their pages
//! - [`layout`] – page frame, notices, error pages
//! - [`gate`] – the operator's own pages behind the login
//! - [`ops`] – health, metrics
//! - [`sessions`] – the catalogue (SQL), the store (Redis), live updates, the session of a request, upkeep
//! - [`throttle`] – limits on guessing and bursts
//! - [`events`] – the security log
//! - [`users`] – the user's row, roles, passwords, one-time tokens
//! - [`mail`] – letters, and the outbox that holds them until they are accepted
//! - [`web`] – forms, lists, charts, cookies, event streams
//! - [`db`] – connections, pool, transactions, migrations
//! - [`security`] – client address, own hosts and origins, body limits, headers
//! - [`telemetry`] – log output, and what metrics are made of
//! - [`config`] – environment variables, a file per concern
//! - [`breached`] – passwords that are known from breaches, looked up in a file
//! - [`state`] – the shared parts, found from a request
//! - [`text`] – Unicode: how texts are compared
//! - [`static_file`] – a file below `/static/`, with the hash in its address
//! - [`compress`] – compressing bodies
//! - [`files`] – files that only this user may read
//! - [`crypto`] – random values and hashes
//! - [`clock`] – the current time
//! - [`error`] – one error type and the status of each

// The types of a request's future nest that deep.
#![recursion_limit = "256"]

pub mod accounts;
pub mod admin;
pub mod api;
pub mod app;
pub mod breached;
pub mod cli;
pub mod clock;
pub mod compress;
pub mod config;
pub mod crypto;
pub mod db;
pub mod error;
pub mod events;
pub mod files;
pub mod gate;
pub mod layout;
pub mod mail;
pub mod ops;
pub mod routes;
pub mod security;
pub mod sessions;
pub mod state;
pub mod static_file;
pub mod telemetry;
pub mod text;
pub mod throttle;
pub mod users;
pub mod web;
