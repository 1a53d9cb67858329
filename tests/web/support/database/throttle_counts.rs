//! The counts of failures: the table `throttle_counts`, or the keys `throttle:…` in Redis.

use super::quoted;
use crate::support::{stack::Backend, stores::Stores};

impl Stores {
    /// The keys of all counts, sorted.
    #[track_caller]
    pub fn throttle_keys(&self) -> Vec<String> {
        if self.backend() != Backend::Redis {
            return self.query_column("SELECT key FROM throttle_counts ORDER BY key");
        }
        let keys = self.redis().keys().into_iter();
        keys.filter_map(|key| Some(key.strip_prefix("throttle:")?.to_owned()))
            .filter(|key| !key.ends_with(":wait"))
            .collect()
    }

    /// The kinds of the counts of failures: not those of registrations, and of what users do.
    #[track_caller]
    pub fn throttle_kinds(&self) -> Vec<String> {
        let kinds = self.throttle_keys().into_iter().map(|key| key.split(':').next().unwrap().to_owned());
        kinds.filter(|kind| !matches!(kind.as_str(), "registrations" | "started" | "changes")).collect()
    }

    /// The failures of the only count of a kind: `account`.
    #[track_caller]
    pub fn failures_of(&self, kind: &str) -> u32 {
        let key = self.throttle_key(kind);
        let failures = if self.backend() == Backend::Redis {
            self.redis().get(&format!("throttle:{key}"))
        } else {
            self.query_one(&format!("SELECT failures FROM throttle_counts WHERE key = {}", quoted(&key)))
        };
        failures.unwrap().parse().unwrap()
    }

    /// Changes the failures of the only count of a kind.
    #[track_caller]
    pub fn set_failures_of(&self, kind: &str, failures: u32) {
        let (key, failures) = (self.throttle_key(kind), failures.to_string());
        if self.backend() == Backend::Redis {
            self.redis().command::<()>(&["SET", &format!("throttle:{key}"), &failures, "KEEPTTL"]);
        } else {
            self.sql(&format!(
                "UPDATE throttle_counts SET failures = {failures} WHERE key = {}",
                quoted(&key)
            ));
        }
    }

    /// Lets all waits pass.
    #[track_caller]
    pub fn let_waits_pass(&self) {
        if self.backend() == Backend::Redis {
            let redis = self.redis();
            for key in redis.keys().iter().filter(|key| key.ends_with(":wait")) {
                redis.del(key);
            }
        } else {
            self.sql("UPDATE throttle_counts SET open_at = 0");
        }
    }

    /// Deletes all counts.
    #[track_caller]
    pub fn forget_throttle_counts(&self) {
        if self.backend() == Backend::Redis {
            let redis = self.redis();
            for key in redis.keys().iter().filter(|key| key.starts_with("throttle:")) {
                redis.del(key);
            }
        } else {
            self.sql("DELETE FROM throttle_counts");
        }
    }

    /// Lets all counts of the database grow so old that they are no longer kept.
    #[track_caller]
    pub fn expire_throttle_counts(&self) {
        self.sql("UPDATE throttle_counts SET open_at = 0, expires_at = 1");
    }

    /// How often Postgres has read a table so far, as its statistics know.
    #[track_caller]
    pub fn table_reads(&self, table: &str) -> u64 {
        let reads = "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname =";
        self.query_one(&format!("{reads} {}", quoted(table))).unwrap().parse().unwrap()
    }

    #[track_caller]
    fn throttle_key(&self, kind: &str) -> String {
        let mut keys = self.throttle_keys();
        keys.retain(|key| key.split(':').next() == Some(kind));
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.remove(0)
    }
}
