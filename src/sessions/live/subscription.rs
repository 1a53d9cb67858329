//! A stream's subscription to the status of its session.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::registry::{Registry, SessionStatus};

/// Follows the status of one session for one stream; dropping it unsubscribes.
pub struct Subscription {
    pub(super) session_id: String,
    pub(super) number: u64,
    pub(super) status: Option<watch::Receiver<SessionStatus>>,
    pub(super) registry: Arc<Mutex<Registry>>,
}

impl Subscription {
    /// Waits until the status satisfies the condition, or until this stream must close to make room for newer ones.
    pub async fn wait_for(&mut self, mut condition: impl FnMut(&SessionStatus) -> bool) -> SessionStatus {
        let number = self.number;
        match &mut self.status {
            Some(status) => {
                let found = status.wait_for(|now| !now.streams.contains(&number) || condition(now)).await;
                // The sender is dropped only after this receiver.
                found.map_or_else(|_| SessionStatus::default(), |now| now.clone())
            }
            None => SessionStatus::default(),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Inside the lock: of two subscriptions that are dropped at once, the later one finds no receiver left.
        self.status = None;
        let Some(sender) = registry.subscribed.get(&self.session_id) else { return };
        if sender.receiver_count() == 0 {
            registry.subscribed.remove(&self.session_id);
        } else {
            sender.send_if_modified(|status| {
                status.streams.retain(|number| *number != self.number);
                false
            });
        }
    }
}
