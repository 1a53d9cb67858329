//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says so by panicking, helpers and all")]

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
