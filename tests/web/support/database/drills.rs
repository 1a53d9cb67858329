//! The `last_drill` table, and what a drill leaves of its sessions.

use crate::support::{stack::Backend, stores::Stores};

impl Stores {
    /// Makes a session one that a drill began.
    #[track_caller]
    pub fn make_drill_session(&self, id: &str) {
        self.update_session(id, "method = 'drill'");
    }

    /// Records a drill that has passed.
    #[track_caller]
    pub fn insert_drill(&self) {
        self.sql(
            "INSERT INTO last_drill (id, at, passed, slowest_ms) VALUES (1, '2026-01-01 00:00:00', true, 7)",
        );
    }

    /// How many sessions of drills are active.
    #[track_caller]
    pub fn active_drill_sessions(&self) -> usize {
        self.count("sessions WHERE method = 'drill' AND ended_at IS NULL")
    }

    /// How many sessions of drills are active and do not end by themselves within 20 minutes of their start.
    #[track_caller]
    pub fn lasting_drill_sessions(&self) -> usize {
        let lasts = match self.backend() {
            Backend::Sqlite => "julianday(absolute_expires_at) - julianday(created_at) > 20.0 / 1440",
            _ => "absolute_expires_at - created_at > interval '20 minutes'",
        };
        self.count(&format!("sessions WHERE method = 'drill' AND ended_at IS NULL AND {lasts}"))
    }
}
