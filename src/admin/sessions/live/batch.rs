//! Collects messages for a short time, so that many of them cost one query.

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
    /// When the first of them was added; `None`: there are none.
    since: Option<Instant>,
    /// Public ids of sessions that started.
    pub started: Vec<String>,
    /// Messages about ended sessions.
    pub ended: Vec<Arc<Message>>,
    /// Public ids of sessions that were seen.
    pub seen: Vec<String>,
    /// Whether messages were lost.
    pub missed: bool,
}

impl Batch {
    /// Adds a message, if the stream sends something of it.
    pub(super) fn add(&mut self, message: &Arc<Message>) {
        match &**message {
            Message::Started { ids, .. } => self.started.extend(ids.iter().cloned()),
            Message::Ended { .. } => self.ended.push(Arc::clone(message)),
            Message::Seen { ids } => self.seen.extend(ids.iter().cloned()),
            Message::Missed => self.missed = true,
            Message::AccountsChanged | Message::Heartbeat => return,
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// Records that the stream lagged and lost messages.
    pub(super) fn add_missed(&mut self) {
        self.missed = true;
        self.since.get_or_insert_with(Instant::now);
    }

    /// Waits until the batch is due; forever while it is empty.
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
