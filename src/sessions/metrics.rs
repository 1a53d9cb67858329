//! What is counted and measured of sessions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use super::catalogue::{end::Ended, end_reason::EndReason, method::Method};
use crate::{
    clock::now,
    telemetry::metrics::{Counts, GaugeAtScrape, durations, observe_since},
};

/// Upper bounds of the number of lookups that one query answers.
const BATCHES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// What comes of a registration.
const REGISTERED: &str = "registered";
const REFUSED: &str = "refused";
/// What comes of a browser's wish to have its session renewed.
const REFRESHES: [&str; 4] = ["proven", "challenged", "refused", "over"];

/// What is counted and measured of sessions.
pub(super) struct SessionMetrics {
    started: Counts<1>,
    ended: Counts<1>,
    registrations: Counts<1>,
    refreshes: Counts<1>,
    lookup_batch: Histogram,
    lookup: Histogram,
    sweep: Histogram,
    sweep_failures: Counter,
    /// When the last sweep came to its end, in seconds since 1970; 0: none has.
    swept_at: AtomicI64,
}

impl Default for SessionMetrics {
    fn default() -> Self {
        Self {
            started: Counts::default(),
            ended: Counts::default(),
            registrations: Counts::default(),
            refreshes: Counts::default(),
            lookup_batch: Histogram::new(BATCHES),
            lookup: durations(),
            sweep: durations(),
            sweep_failures: Counter::default(),
            swept_at: AtomicI64::new(0),
        }
    }
}

impl SessionMetrics {
    pub(super) fn count_start(&self, method: Method) {
        self.started.add([("method", method.name())]);
    }

    pub(super) fn count_ends(&self, ended: &[Ended]) {
        for session in ended {
            self.ended.add([("reason", session.reason.name())]);
        }
    }

    /// Counts a key that was to be registered.
    pub(super) fn count_registration(&self, is_registered: bool) {
        self.registrations.add([("result", if is_registered { REGISTERED } else { REFUSED })]);
    }

    /// Counts a wish to have a bound session renewed.
    pub(super) fn count_refresh(&self, result: &'static str) {
        self.refreshes.add([("result", result)]);
    }

    /// Records one query for this many lookups.
    pub(super) fn record_lookup(&self, lookups: usize, since: Instant) {
        self.lookup_batch.observe(lookups as f64);
        observe_since(&self.lookup, since);
    }

    pub(super) fn record_sweep(&self, since: Instant, came_to_its_end: bool) {
        observe_since(&self.sweep, since);
        if came_to_its_end {
            self.swept_at.store(now().assume_utc().unix_timestamp(), Ordering::Relaxed);
        } else {
            self.sweep_failures.inc();
        }
    }
}

impl SessionMetrics {
    pub(super) fn register(self: &Arc<Self>, registry: &mut Registry) {
        let methods = Method::known().map(|method| [("method", method.name())]);
        self.started.register(registry, "sessions_started", "Sessions that started here, by method", methods);
        let reasons = EndReason::ALL.iter().map(|reason| [("reason", reason.name())]);
        self.ended.register(
            registry,
            "sessions_ended",
            "Sessions that this instance ended, by reason",
            reasons,
        );
        let results = [REGISTERED, REFUSED].map(|result| [("result", result)]);
        let help = "Keys that browsers were to register for their sessions, by what came of it";
        self.registrations.register(registry, "device_keys", help, results);
        let results = REFRESHES.map(|result| [("result", result)]);
        let help = "Renewals of bound sessions, by what came of it";
        self.refreshes.register(registry, "device_key_proofs", help, results);
        registry.register(
            "lookup_batch_size",
            "Requests whose session one query looked up",
            self.lookup_batch.clone(),
        );
        registry.register("lookup_seconds", "Queries that look sessions up", self.lookup.clone());
        registry.register("sweep_seconds", "Sweeps that end expired sessions", self.sweep.clone());
        registry.register(
            "sweep_failures",
            "Sweeps that did not come to their end",
            self.sweep_failures.clone(),
        );
        let metrics = Arc::clone(self);
        GaugeAtScrape::register(
            registry,
            "sweep_last_success_timestamp_seconds",
            "When the last sweep came to its end",
            move || Some(metrics.swept_at.load(Ordering::Relaxed) as f64).filter(|at| *at > 0.0),
        );
    }
}
