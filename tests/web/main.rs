//! Tests the application over HTTP with real databases, on both stacks. Run with `scripts/test`.

#![expect(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]

mod support;

mod accounts;
mod admin;
mod browser;
mod cli;
mod db;
mod faults;
mod gate;
mod security;
mod sessions;
