//! Tests the application over HTTP with real databases, on both stacks. Run with `scripts/test`.

#![expect(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]
#![expect(
    unreachable_pub,
    reason = "in a binary no item is reachable from outside; `pub` marks what other files use"
)]

mod support;

#[path = "../../docs/examples/websockets.rs"]
mod websockets;

mod accounts;
mod admin;
mod api;
mod browser;
mod cli;
mod db;
mod faults;
mod gate;
mod layout;
mod mail;
mod ops;
mod security;
mod sessions;
mod throttle;
