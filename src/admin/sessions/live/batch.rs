//! Collects messages for a short while, so that many of them cost one query.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::sessions::live::message::Message;

/// How long messages are collected.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

/// Messages since the last delivery.
#[derive(Default)]
pub(super) struct Batch {
    since: Option<Instant>,
    /// Public session ids.
    pub started: Vec<String>,
    /// Messages of ends.
    pub ended: Vec<Arc<Message>>,
    /// Public session ids.
    pub seen: Vec<String>,
    /// Some messages were lost.
    pub missed: bool,
}

impl Batch {
    /// Adds what the stream sends of a message.
    pub(super) fn add(&mut self, message: &Arc<Message>) {
        match &**message {
            Message::Started { ids } => self.started.extend(ids.iter().cloned()),
            Message::Ended { .. } => self.ended.push(Arc::clone(message)),
            Message::Seen { ids } => self.seen.extend(ids.iter().cloned()),
            Message::Missed => self.missed = true,
            Message::AccountsChanged | Message::Heartbeat => return,
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// Adds that the stream lagged and lost messages.
    pub(super) fn add_missed(&mut self) {
        self.missed = true;
        self.since.get_or_insert_with(Instant::now);
    }

    /// Waits until it is time to deliver; for ever while there is nothing.
    pub(super) async fn due(&self) {
        match self.since {
            Some(since) => tokio::time::sleep_until((since + BATCH_WINDOW).into()).await,
            None => std::future::pending().await,
        }
    }

    /// Whether there may be more or fewer active sessions than before.
    pub(super) fn changes_count(&self) -> bool {
        self.missed || !self.started.is_empty() || !self.ended.is_empty()
    }
}
