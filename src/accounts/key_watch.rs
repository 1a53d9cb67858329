//! What the tripwire remembers and counts.

use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use super::seen_keys::SeenKeys;
use crate::{config::Tripwire, sessions::catalogue::stolen_keys::DeadKey, telemetry::metrics::Counts};

/// Most lookups at once. What comes meanwhile is looked up when it comes again.
const MOST_AT_ONCE: usize = 4;

/// What the tripwire remembers and counts; one for all threads.
pub(super) struct KeyWatch {
    pub(super) mode: Tripwire,
    pub(super) seen: SeenKeys,
    /// The lookups that may begin.
    pub(super) lookups: Semaphore,
    used: Counts<1>,
}

impl KeyWatch {
    pub(super) fn new(mode: Tripwire) -> Self {
        let (seen, lookups) = (SeenKeys::default(), Semaphore::new(MOST_AT_ONCE));
        Self { mode, seen, lookups, used: Counts::default() }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let ways = DeadKey::ALL.iter().map(|key| [("key", key.name())]);
        let help =
            "Keys of sessions that somebody else than their browser presented, by why they led nowhere";
        self.used.register(registry, "stolen_keys_used", help, ways);
    }

    /// Counts one that was recorded.
    pub(super) fn count(&self, key: DeadKey) {
        self.used.add([("key", key.name())]);
    }
}
