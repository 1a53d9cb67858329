//! Tests what operators ask: health, metrics, log entries.

mod health;
mod memory;
mod metrics;
mod request_timeout;
mod requests;
mod visits;
