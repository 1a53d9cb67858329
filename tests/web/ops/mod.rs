//! Tests what operators ask: health, metrics, log entries.

mod health;
mod metrics;
mod requests;
mod visits;
