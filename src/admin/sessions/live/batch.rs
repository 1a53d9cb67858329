use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::sessions::live::Message;

/// How long messages gather, so that many of them cost one query.
const GATHER: Duration = Duration::from_millis(100);

/// Messages since the last delivery.
#[derive(Default)]
pub struct Gathered {
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

impl Gathered {
    /// Keeps what is to be told of a message.
    pub fn add(&mut self, message: &Arc<Message>) {
        match &**message {
            Message::Started { ids } => self.started.extend(ids.iter().cloned()),
            Message::Ended { .. } => self.ended.push(Arc::clone(message)),
            Message::Seen { ids } => self.seen.extend(ids.iter().cloned()),
            Message::Missed => self.missed = true,
            Message::AccountsChanged | Message::Beat => return,
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// The reader was too slow for some messages.
    pub fn miss(&mut self) {
        self.missed = true;
        self.since.get_or_insert_with(Instant::now);
    }

    /// Waits until it is time to deliver; for ever while there is nothing.
    pub async fn is_due(&self) {
        match self.since {
            Some(since) => tokio::time::sleep_until((since + GATHER).into()).await,
            None => std::future::pending().await,
        }
    }

    /// Whether there may be more or fewer active sessions than before.
    pub fn changes_count(&self) -> bool {
        self.missed || !self.started.is_empty() || !self.ended.is_empty()
    }
}
