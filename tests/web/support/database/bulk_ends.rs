//! The table `bulk_ends`: ends of many sessions, and how far they are.

use time::{OffsetDateTime, PrimitiveDateTime};

use super::{quoted, timestamp};
use crate::support::stores::Stores;

impl Stores {
    /// Adds an end of many sessions, which is over or was abandoned.
    #[track_caller]
    pub fn insert_bulk_end(&self, id: &str, finished: bool, expected: usize, ended: usize) {
        let finished = if finished { "'2026-01-01 00:00:01'" } else { "NULL" };
        self.insert_bulk_end_row(id, "'2026-01-01 00:00:01'", finished, expected, ended);
    }

    /// Adds an end of many sessions that goes on as far as [`Stores::move_bulk_end`] moves it.
    #[track_caller]
    pub fn insert_held_bulk_end(&self, id: &str, expected: usize, ended: usize) {
        self.insert_bulk_end_row(id, &now(), "NULL", expected, ended);
    }

    /// Moves an end of many sessions on.
    #[track_caller]
    pub fn move_bulk_end(&self, id: &str, ended: usize) {
        self.sql(&format!(
            "UPDATE bulk_ends SET ended = {ended}, moved_at = {} WHERE id = {}",
            now(),
            quoted(id)
        ));
    }

    /// Finishes an end of many sessions.
    #[track_caller]
    pub fn finish_bulk_end(&self, id: &str) {
        self.sql(&format!("UPDATE bulk_ends SET finished_at = {} WHERE id = {}", now(), quoted(id)));
    }

    /// The ids of all ends of many sessions.
    #[track_caller]
    pub fn bulk_end_ids(&self) -> Vec<String> {
        self.query_column("SELECT id FROM bulk_ends ORDER BY id")
    }

    fn insert_bulk_end_row(&self, id: &str, moved_at: &str, finished: &str, expected: usize, ended: usize) {
        self.sql(&format!(
            "INSERT INTO bulk_ends (id, started_at, moved_at, finished_at, by_user, expected, ended) VALUES \
             ({}, '2026-01-01 00:00:00', {moved_at}, {finished}, 1, {expected}, {ended})",
            quoted(id)
        ));
    }
}

fn now() -> String {
    let now = OffsetDateTime::now_utc();
    quoted(&timestamp(PrimitiveDateTime::new(now.date(), now.time())))
}
