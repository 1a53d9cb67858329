//! The `samples` table: how many sessions were active, minute by minute.

use time::PrimitiveDateTime;

use super::{quoted, timestamp};
use crate::support::stores::Stores;

impl Stores {
    /// The time and the number of every sample, the oldest first.
    #[track_caller]
    pub fn samples(&self) -> Vec<(String, String)> {
        let rows = self.query_text("SELECT at, active FROM samples ORDER BY at");
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
    }

    /// The number that was sampled at a time.
    #[track_caller]
    pub fn sample_at(&self, at: PrimitiveDateTime) -> Option<String> {
        self.query_one(&format!("SELECT active FROM samples WHERE at = {}", quoted(&timestamp(at))))
    }

    /// The numbers that were sampled before a time, the oldest first.
    #[track_caller]
    pub fn samples_before(&self, at: PrimitiveDateTime) -> Vec<String> {
        self.query_column(&format!(
            "SELECT active FROM samples WHERE at < {} ORDER BY at",
            quoted(&timestamp(at))
        ))
    }

    /// How many samples have this number.
    #[track_caller]
    pub fn count_samples_of(&self, active: u32) -> usize {
        self.count(&format!("samples WHERE active = {active}"))
    }

    /// Adds samples: when, and how many sessions were active.
    #[track_caller]
    pub fn insert_samples(&self, samples: &[(PrimitiveDateTime, u32)]) {
        let rows: Vec<String> =
            samples.iter().map(|(at, active)| format!("({}, {active})", quoted(&timestamp(*at)))).collect();
        self.sql(&format!("INSERT INTO samples (at, active) VALUES {}", rows.join(",")));
    }

    /// Replaces the number of every sample.
    #[track_caller]
    pub fn set_all_samples(&self, active: u32) {
        self.sql(&format!("UPDATE samples SET active = {active}"));
    }

    /// Deletes all samples.
    #[track_caller]
    pub fn delete_samples(&self) {
        self.sql("DELETE FROM samples");
    }
}
