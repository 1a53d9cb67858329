//! Log output: format, filter and target. No entry contains a secret of the configuration.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use tracing_subscriber::EnvFilter;

use crate::config::{KnownSecrets, Log, LogFormat};

/// Installs the subscriber that writes log entries to standard error, without the secrets. To be called once per process.
pub fn start_log(log: &Log, secrets: &KnownSecrets) {
    // `Log::read` has checked that the filter parses.
    let filter = EnvFilter::new(&log.filter);
    let secrets = Arc::new(secrets.clone());
    let writer = move || MaskingWriter(Arc::clone(&secrets));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

/// Writes entries to standard error, each in one piece and without the secrets. Failures are ignored: where the reader of the log
/// is gone, there is nobody to tell.
struct MaskingWriter(Arc<KnownSecrets>);

impl io::Write for MaskingWriter {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let _ = io::stderr().lock().write_all(self.0.mask(&text).as_bytes());
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
