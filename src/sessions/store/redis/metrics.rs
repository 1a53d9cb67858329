//! What is measured of Redis.

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use crate::telemetry::metrics::durations;

/// What is measured of Redis.
pub(super) struct RedisMetrics {
    /// Round trips.
    pub(super) round_trip: Histogram,
    /// Round trips that failed, or that did not come back in time.
    pub(super) failures: Counter,
}

impl Default for RedisMetrics {
    fn default() -> Self {
        Self { round_trip: durations(), failures: Counter::default() }
    }
}

impl RedisMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("redis_seconds", "Round trips to Redis", self.round_trip.clone());
        registry.register(
            "redis_failures",
            "Commands that Redis refused or did not answer in time, or for which it was not connected",
            self.failures.clone(),
        );
    }
}
