//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod catalogue_decides;
mod kill_nine;
mod outage;
mod pool_faults;
mod postgres_faults;
mod redis_faults;
mod register;
