//! Log output.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts writing log entries to standard error. To be called once per process.
pub fn start_log(log: &Log) {
    // The configuration has parsed the filter before.
    let filter = EnvFilter::new(&log.filter);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}
