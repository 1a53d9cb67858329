//! Log output: format, filter and target. No entry contains a secret of the configuration, none waits for whoever reads the log, and
//! nobody can fill it.

mod limit;
pub mod metrics;

use std::{
    io::{self, IsTerminal as _},
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::FilterExt as _, fmt, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::limit::Limit;
use crate::config::{KnownSecrets, Log, LogFormat};

/// Entries that may wait until they are written; more are dropped.
const MAX_WAITING: usize = 4_096;

/// Most characters of what a client sent that an entry shows.
const MAX_SHOWN: usize = 200;

/// The log of this process.
struct Output {
    limit: Limit,
    dropped: ErrorCounter,
    /// Dropped when the process ends: it writes what waits.
    writer: Mutex<Option<WorkerGuard>>,
}

static OUTPUT: OnceLock<Output> = OnceLock::new();

/// Installs the subscriber that writes log entries to standard error, without the secrets. To be called once per process.
pub fn start_log(log: &Log, secrets: &KnownSecrets) {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_WAITING)
        .thread_name("log")
        .finish(MaskingWriter { secrets: secrets.clone(), entries: Vec::new() });
    let (limit, dropped) = (Limit::default(), writer.error_counter());
    // `Log::read` has checked that the filter parses.
    let filter = EnvFilter::new(&log.filter).and(limit.clone());
    let layer = fmt::layer().with_writer(writer);
    let layer = match log.format {
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(layer).init();
    let _ = OUTPUT.set(Output { limit, dropped, writer: Mutex::new(Some(guard)) });
}

/// Says every minute what was left out of the log, for as long as it is polled.
pub async fn report_left_out() {
    let Some(output) = OUTPUT.get() else { return };
    let mut dropped = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        for left in output.limit.next_minute() {
            let (target, line) = (left.of.target(), left.of.line());
            tracing::warn!(
                entries = left.entries,
                of = target,
                line,
                "log entries like one before were left out"
            );
        }
        let so_far = output.dropped.dropped_lines();
        if so_far > dropped {
            tracing::warn!(
                entries = so_far - dropped,
                "log entries were dropped, because they are read too slowly"
            );
            dropped = so_far;
        }
    }
}

/// Writes the entries that wait, at the end of the process.
pub fn end_log() {
    if let Some(output) = OUTPUT.get() {
        drop(output.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// What a client sent, as an entry shows it: not all of it, and nothing that a terminal takes for more than text.
pub fn shown_in_log(sent: &[u8]) -> String {
    let sent = String::from_utf8_lossy(&sent[..sent.len().min(4 * MAX_SHOWN)]);
    let mut shown: String = sent.chars().take(MAX_SHOWN).collect();
    if shown.len() < sent.len() {
        shown.push('…');
    }
    escaped(&shown)
}

/// What somebody wrote, without what a terminal takes for more than text. Text entries have it in quotes besides.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' => escaped.push(character),
            _ => escaped.extend(character.escape_debug()),
        }
    }
    escaped
}

/// Writes entries to standard error without the secrets, all that are there at once. Failures are ignored: where the reader of the
/// log is gone, there is nobody to tell.
struct MaskingWriter {
    secrets: KnownSecrets,
    entries: Vec<u8>,
}

/// So many bytes are written before others are taken.
const MAX_BUFFERED: usize = 64 * 1_024;

impl io::Write for MaskingWriter {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        self.entries.extend_from_slice(self.secrets.mask(&text).as_bytes());
        if self.entries.len() > MAX_BUFFERED {
            self.flush()?;
        }
        Ok(entry.len())
    }

    /// Called when no entry waits.
    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().lock().write_all(&self.entries);
        self.entries.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_is_shown_in_one_short_line() {
        assert_eq!(shown_in_log(b"/a \"b\"\n\xff"), "/a \"b\"\\n\u{fffd}");
        assert_eq!(escaped("it's\u{9b}1m\u{202e}"), "it's\\u{9b}1m\\u{202e}");
        for sent in ["\\".repeat(28_000), "\u{e0001}".repeat(7_000), "\u{1}".repeat(10_000)] {
            assert!(shown_in_log(sent.as_bytes()).len() <= 10 * MAX_SHOWN + 5, "{}", sent.len());
        }
    }
}
