//! The table `device_keys`, and when sessions were bound to their devices.

use super::quoted;
use crate::support::stores::Stores;

impl Stores {
    /// All that is stored of a session's binding; empty: it is not bound.
    #[track_caller]
    pub fn binding_of(&self, id: &str) -> String {
        let row = self.query_text(&format!(
            "SELECT bound_at, public_key, made_at, proved_at, last_challenge FROM sessions \
             JOIN device_keys ON session_id = id WHERE id = {}",
            quoted(id)
        ));
        row.into_iter().flatten().flatten().collect::<Vec<_>>().join(" ")
    }

    /// How many keys are stored.
    #[track_caller]
    pub fn device_key_count(&self) -> usize {
        self.count("device_keys")
    }

    /// Whether a session is bound, by its own row.
    #[track_caller]
    pub fn is_bound(&self, id: &str) -> bool {
        self.count(&format!("sessions WHERE id = {} AND bound_at IS NOT NULL", quoted(id))) == 1
    }

    /// Makes a session bound long ago, so that it needs the cookie that proves its key.
    #[track_caller]
    pub fn age_binding(&self, id: &str) {
        self.update_session(id, "bound_at = '2026-01-01 00:00:00'");
    }

    /// Makes it long ago that sessions were bound; returns how many there are.
    #[track_caller]
    pub fn age_bindings(&self) -> usize {
        self.sql("UPDATE sessions SET bound_at = '2026-01-01 00:00:00' WHERE bound_at IS NOT NULL")
    }

    /// Makes the challenge that was proven last one of an hour from now, as after the clock was set back.
    #[track_caller]
    pub fn move_last_challenge_ahead(&self, id: &str) -> i64 {
        let id = quoted(id);
        self.sql(&format!(
            "UPDATE device_keys SET last_challenge = last_challenge + 3600000000 WHERE session_id = {id}"
        ));
        let last = self.query_one(&format!("SELECT last_challenge FROM device_keys WHERE session_id = {id}"));
        last.unwrap().parse().unwrap()
    }

    /// Lets challenges count that were made before the one that was proven last.
    #[track_caller]
    pub fn forget_last_challenge(&self, id: &str) {
        self.sql(&format!("UPDATE device_keys SET last_challenge = 0 WHERE session_id = {}", quoted(id)));
    }

    /// How many rows the tables have that requests write.
    #[track_caller]
    pub fn row_count(&self) -> usize {
        self.everything()
            .iter()
            .filter(|(table, _)| !["redis", "samples", "write_checks"].contains(&table.as_str()))
            .count()
    }
}
