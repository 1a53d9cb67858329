//! What is read of the pool when metrics are asked for.

use std::sync::{Arc, PoisonError};

use prometheus_client::registry::Registry;

use super::pool::Db;
use crate::telemetry::metrics::GaugeAtScrape;

impl Db {
    /// Registers what is measured of the database.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
        let pool = |read: fn(r2d2::State) -> u32| {
            let shared = Arc::clone(&self.shared);
            move || {
                let pool = shared.pool.read().unwrap_or_else(PoisonError::into_inner);
                Some(f64::from(read(pool.state())))
            }
        };
        GaugeAtScrape::register(
            registry,
            "db_connections",
            "Connections of the pool",
            pool(|state| state.connections),
        );
        GaugeAtScrape::register(
            registry,
            "db_connections_idle",
            "Connections of the pool that nobody uses",
            pool(|state| state.idle_connections),
        );
        let db = self.clone();
        GaugeAtScrape::register(
            registry,
            "db_hanging",
            "1 while the database does not answer and requests that need it are refused at once",
            move || Some(f64::from(u8::from(db.hangs()))),
        );
    }
}
