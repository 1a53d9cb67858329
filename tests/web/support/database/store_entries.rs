//! The state of sessions in the store: entries of Redis, or a column of the `sessions` table.

use super::{quoted, session_times::SessionTime, sessions::UNEXPIRED};
use crate::support::{stack::Backend, stores::Stores};

impl Stores {
    /// The hashed session keys that the store holds, sorted.
    #[track_caller]
    pub fn store_entries(&self) -> Vec<String> {
        match self.backend() {
            Backend::Redis => self.redis().keys().iter().map(|key| key.replace("sess:", "")).collect(),
            _ => {
                self.query_column("SELECT store_key FROM sessions WHERE state IS NOT NULL ORDER BY store_key")
            }
        }
    }

    /// The hashed session key of a session.
    #[track_caller]
    pub fn store_key_of(&self, id: &str) -> String {
        self.query_one(&format!("SELECT store_key FROM sessions WHERE id = {}", quoted(id))).unwrap()
    }

    /// The key of a session's entry in Redis.
    #[track_caller]
    pub fn redis_key_of(&self, id: &str) -> String {
        format!("sess:{}", self.store_key_of(id))
    }

    /// The hashed session keys of all sessions that got as far as the store, in the order of their ids.
    #[track_caller]
    pub fn store_keys(&self) -> Vec<String> {
        self.query_column("SELECT store_key FROM sessions WHERE store_key IS NOT NULL ORDER BY id")
    }

    /// The hashed session keys of the sessions that have not ended, sorted.
    #[track_caller]
    pub fn active_store_keys(&self) -> Vec<String> {
        self.query_column("SELECT store_key FROM sessions WHERE ended_at IS NULL ORDER BY store_key")
    }

    /// The hashed session keys of the sessions that have neither ended nor been expired by a test.
    #[track_caller]
    pub fn unexpired_store_keys(&self) -> Vec<String> {
        self.query_column(&format!("SELECT store_key FROM sessions WHERE {UNEXPIRED}"))
    }

    /// The hashed session keys of the sessions that were not used for the longest time.
    #[track_caller]
    pub fn least_recently_used_store_keys(&self, count: usize) -> Vec<String> {
        self.query_column(&format!("SELECT store_key FROM sessions ORDER BY last_seen_at LIMIT {count}"))
    }

    /// Whether a test has expired the session that has this store key.
    #[track_caller]
    pub fn is_expired_key(&self, key: &str) -> bool {
        let key = quoted(key);
        self.count(&format!("sessions WHERE store_key = {key} AND expires_at < '2026-01-02 00:00:00'")) == 1
    }

    /// The state of the only active session, as the store keeps it.
    #[track_caller]
    pub fn stored_state(&self) -> String {
        match self.backend() {
            Backend::Redis => self.redis().get(&self.redis().keys()[0]).unwrap(),
            _ => self.query_one("SELECT state FROM sessions WHERE ended_at IS NULL").unwrap(),
        }
    }

    /// Replaces what the store keeps under a key.
    #[track_caller]
    pub fn set_stored_state(&self, key: &str, state: &str) {
        match self.backend() {
            Backend::Redis => self.redis().set(&format!("sess:{key}"), state),
            _ => {
                let (state, key) = (quoted(state), quoted(key));
                assert_eq!(
                    self.sql(&format!("UPDATE sessions SET state = {state} WHERE store_key = {key}")),
                    1
                );
            }
        }
    }

    /// Deletes a session's entry from the store: the state is lost, and the application is not told.
    #[track_caller]
    pub fn lose_state(&self, id: &str) {
        match self.backend() {
            Backend::Redis => assert!(self.redis().del(&self.redis_key_of(id)), "there is no entry of {id}"),
            _ => self.update_session(id, "state = NULL"),
        }
    }

    /// Expires every session, in the store where it keeps the time, else in the database.
    #[track_caller]
    pub fn expire_all_sessions(&self) {
        match self.backend() {
            Backend::Redis => self.redis().flush(),
            _ => {
                for column in [SessionTime::LastSeen, SessionTime::Expires] {
                    self.set_all_session_times(column, "2026-01-01 00:00:00");
                }
            }
        }
    }

    /// Writes into every session that its password was given so many seconds from now.
    #[track_caller]
    pub fn set_confirmations(&self, seconds_from_now: i64) {
        let at = time::OffsetDateTime::now_utc().unix_timestamp() + seconds_from_now;
        for key in self.store_entries() {
            let state = match self.backend() {
                Backend::Redis => self.redis().get(&format!("sess:{key}")).unwrap(),
                _ => self
                    .query_one(&format!("SELECT state FROM sessions WHERE store_key = {}", quoted(&key)))
                    .unwrap(),
            };
            let mut state: serde_json::Value = serde_json::from_str(&state).unwrap();
            state["confirmed_at"] = at.to_string().into();
            self.set_stored_state(&key, &state.to_string());
        }
    }

    /// Makes every session forget when its password was given, as sessions from before this was kept.
    #[track_caller]
    pub fn forget_confirmations(&self) {
        if self.backend() != Backend::Redis {
            self.sql("UPDATE sessions SET state = replace(state, 'confirmed_at', 'forgotten')");
            return;
        }
        for key in self.redis().keys() {
            let state = self.redis().get(&key).unwrap().replace("confirmed_at", "forgotten");
            self.redis().command::<()>(&["SET", &key, &state, "KEEPTTL"]);
        }
    }
}
