//! What is measured of the database.

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use crate::telemetry::metrics::durations;

/// What is measured of the database.
pub(super) struct DbMetrics {
    /// Waits for a connection of the pool.
    pub(super) wait: Histogram,
    /// Work over a connection.
    pub(super) work: Histogram,
    /// Work that was refused or given up, because the database was not reached in time.
    pub(super) unavailable: Counter,
}

impl Default for DbMetrics {
    fn default() -> Self {
        Self { wait: durations(), work: durations(), unavailable: Counter::default() }
    }
}

impl DbMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("db_wait_seconds", "Waits for a connection of the pool", self.wait.clone());
        registry.register("db_work_seconds", "Work over a connection of the pool", self.work.clone());
        registry.register(
            "db_unavailable",
            "Work that was refused or given up because the database was not reached in time",
            self.unavailable.clone(),
        );
    }
}
