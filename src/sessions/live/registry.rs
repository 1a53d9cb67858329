//! The sessions that have open streams on this instance, and the status of each.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use tokio::sync::watch::Sender;

use super::end_message::EndMessage;

/// What the streams of a session need to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionStatus {
    /// Its user is an active administrator.
    pub is_admin: bool,
    /// It has ended.
    pub ended: Option<EndMessage>,
    /// Its user's id.
    pub user_id: i64,
    /// How often the list of the user's sessions has changed since the subscription, or may have.
    pub list_changes: u64,
    /// The server is stopping.
    pub stopping: bool,
    /// The numbers of its open streams; a stream whose number is missing must close.
    pub(super) streams: VecDeque<u64>,
}

/// The status of every session with an open stream.
pub(super) struct Registry {
    /// By public session id.
    pub(super) subscribed: HashMap<String, Sender<SessionStatus>>,
    /// How many streams have been opened so far; numbers the next one.
    pub(super) opened: u64,
    /// When the last check of all sessions began that found them as they are here.
    pub(super) checked_at: Instant,
}

impl Registry {
    /// Counts a change of the list of sessions of the users for whom that holds.
    pub(super) fn add_list_change(&self, is_concerned: impl Fn(i64) -> bool) {
        for sender in self.subscribed.values() {
            sender.send_if_modified(|status| {
                let concerned = is_concerned(status.user_id);
                status.list_changes += u64::from(concerned);
                concerned
            });
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self { subscribed: HashMap::new(), opened: 0, checked_at: Instant::now() }
    }
}
