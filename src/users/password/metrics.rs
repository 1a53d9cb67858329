//! What is measured of the hashing threads.

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use crate::telemetry::metrics::durations;

/// What is measured of the hashing threads.
pub(super) struct PasswordMetrics {
    /// Waits for a thread.
    pub(super) wait: Histogram,
    /// Work of a thread: judging, hashing or checking one password.
    pub(super) work: Histogram,
    /// Passwords that were turned away.
    pub(super) refused: Counter,
}

impl Default for PasswordMetrics {
    fn default() -> Self {
        Self { wait: durations(), work: durations(), refused: Counter::default() }
    }
}

impl PasswordMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("hash_queue_wait_seconds", "Waits for a hashing thread", self.wait.clone());
        registry.register(
            "hash_seconds",
            "Work of a hashing thread on one password: judging, hashing or checking it",
            self.work.clone(),
        );
        registry.register(
            "hash_queue_refused",
            "Passwords that were turned away because too many waited",
            self.refused.clone(),
        );
    }
}
