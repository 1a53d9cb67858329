//! The `sessions` table, and the entries of the store that belong to it.

use super::quoted;
use crate::support::{
    stack::{Backend, Stack},
    stores::Stores,
};

/// A time in a session's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionTime {
    Created,
    LastSeen,
    Expires,
    Ended,
}

impl SessionTime {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::LastSeen => "last_seen_at",
            Self::Expires => "expires_at",
            Self::Ended => "ended_at",
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    pub reason: String,
    /// The id of the user who ended it; none: the system.
    pub by: Option<String>,
    /// What is left of its state.
    pub state: Option<String>,
}

/// Which sessions there are.
impl Stores {
    /// The ids of all sessions, the oldest first.
    #[track_caller]
    pub fn session_ids(&self) -> Vec<String> {
        self.query_column("SELECT id FROM sessions ORDER BY created_at, id")
    }

    /// The ids of the sessions that have not ended, the oldest first.
    #[track_caller]
    pub fn active_session_ids(&self) -> Vec<String> {
        self.query_column("SELECT id FROM sessions WHERE ended_at IS NULL ORDER BY created_at, id")
    }

    /// The ids of the sessions that have ended, the oldest first.
    #[track_caller]
    pub fn ended_session_ids(&self) -> Vec<String> {
        self.query_column("SELECT id FROM sessions WHERE ended_at IS NOT NULL ORDER BY created_at, id")
    }

    /// The ids of the sessions that have neither ended nor been expired by a test.
    #[track_caller]
    pub fn unexpired_session_ids(&self) -> Vec<String> {
        self.query_column(&format!("SELECT id FROM sessions WHERE {UNEXPIRED}"))
    }

    /// The ids of a user's sessions that have not ended, the oldest first.
    #[track_caller]
    pub fn active_sessions_of(&self, user: impl AsRef<str>) -> Vec<String> {
        let user = self.user_id(user);
        self.query_column(&format!(
            "SELECT id FROM sessions WHERE user_id = {user} AND ended_at IS NULL ORDER BY created_at, id"
        ))
    }

    /// The id of a user's oldest session that has not ended.
    #[track_caller]
    pub fn session_of(&self, user: impl AsRef<str>) -> String {
        self.active_sessions_of(user).into_iter().next().expect("a session that has not ended")
    }

    /// The id of the session that a user began last.
    #[track_caller]
    pub fn newest_session_of(&self, user: impl AsRef<str>) -> String {
        let user = self.user_id(user);
        self.session_where(&format!("user_id = {user} ORDER BY created_at DESC"))
    }

    /// The id of the session that began last.
    #[track_caller]
    pub fn newest_session(&self) -> String {
        self.session_where("TRUE ORDER BY created_at DESC, id")
    }

    /// The id of the newest session in a browser: `Safari`.
    #[track_caller]
    pub fn session_in(&self, browser: &str) -> String {
        self.session_where(&format!("browser = {} ORDER BY created_at DESC", quoted(browser)))
    }

    /// The id of a session that began at an IP address, if it has not ended.
    #[track_caller]
    pub fn active_session_from(&self, ip: &str) -> Option<String> {
        self.query_one(&format!("SELECT id FROM sessions WHERE ip = {} AND ended_at IS NULL", quoted(ip)))
    }

    /// The id of the session that was used last but for `offset` others.
    #[track_caller]
    pub fn recently_seen_session(&self, offset: usize) -> String {
        self.session_where(&format!("ended_at IS NULL ORDER BY last_seen_at DESC LIMIT 1 OFFSET {offset}"))
    }

    /// How many sessions were begun with a tick at "Remember me".
    #[track_caller]
    pub fn remembered_session_count(&self) -> usize {
        self.count("sessions WHERE remembered")
    }

    /// How many active, or else ended, sessions there are; with a browser only those in it, and with `remembered`
    /// only those that are.
    #[track_caller]
    pub fn session_count(&self, ended: bool, browser: Option<&str>, remembered: bool) -> usize {
        let ended = if ended { "ended_at IS NOT NULL" } else { "ended_at IS NULL" };
        let browser = browser.map(|name| format!(" AND browser = {}", quoted(name))).unwrap_or_default();
        let remembered = if remembered { " AND remembered" } else { "" };
        self.count(&format!("sessions WHERE {ended}{browser}{remembered}"))
    }

    /// How many active sessions belong to users that are not administrators.
    #[track_caller]
    pub fn active_users_session_count(&self) -> usize {
        self.count("sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL AND u.role = 'user'")
    }

    /// The IP address that a user's only session was begun at.
    #[track_caller]
    pub fn session_ip_of(&self, user: impl AsRef<str>) -> String {
        let id = quoted(&self.session_of(user));
        self.query_one(&format!("SELECT ip FROM sessions WHERE id = {id}")).unwrap()
    }

    #[track_caller]
    fn session_where(&self, condition: &str) -> String {
        self.query_one(&format!("SELECT id FROM sessions WHERE {condition}"))
            .unwrap_or_else(|| panic!("no session WHERE {condition}"))
    }
}

/// How sessions ended.
impl Stores {
    /// Why a session ended; `None` while it has not.
    #[track_caller]
    pub fn end_reason(&self, id: &str) -> Option<String> {
        self.query_one(&format!("SELECT end_reason FROM sessions WHERE id = {}", quoted(id)))
    }

    /// What the administrator wrote who ended a session.
    #[track_caller]
    pub fn end_note(&self, id: &str) -> Option<String> {
        self.query_one(&format!("SELECT end_note FROM sessions WHERE id = {}", quoted(id)))
    }

    /// How a session ended; `None` while it has not.
    #[track_caller]
    pub fn session_end(&self, id: &str) -> Option<SessionEnd> {
        let select = "SELECT end_reason, ended_by, state FROM sessions WHERE ended_at IS NOT NULL AND id =";
        let row = self.query_text(&format!("{select} {}", quoted(id))).pop()?;
        Some(SessionEnd { reason: row[0].clone()?, by: row[1].clone(), state: row[2].clone() })
    }

    /// Why sessions ended: one reason for each that has.
    #[track_caller]
    pub fn end_reasons(&self) -> Vec<String> {
        self.query_column("SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL ORDER BY ended_at, id")
    }

    /// Why a user's sessions ended: one reason for each that has.
    #[track_caller]
    pub fn end_reasons_of(&self, user: impl AsRef<str>) -> Vec<String> {
        let user = self.user_id(user);
        self.query_column(&format!(
            "SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL AND user_id = {user} ORDER BY ended_at, id"
        ))
    }

    /// The notes of the sessions that ended for a reason, which all have one.
    #[track_caller]
    pub fn end_notes(&self, reason: &str) -> Vec<String> {
        self.query_column(&format!(
            "SELECT end_note FROM sessions WHERE end_reason = {} ORDER BY ended_at, id",
            quoted(reason)
        ))
    }

    /// How many sessions ended for a reason.
    #[track_caller]
    pub fn count_ended_as(&self, reason: &str) -> usize {
        self.count(&format!("sessions WHERE end_reason = {}", quoted(reason)))
    }

    /// When each session ended, in the order of their ids.
    #[track_caller]
    pub fn end_times(&self) -> Vec<Option<String>> {
        self.query_text("SELECT ended_at FROM sessions ORDER BY id").concat()
    }

    /// The sessions whose entries the store has not deleted yet.
    #[track_caller]
    pub fn pending_deletions(&self) -> Vec<String> {
        self.query_column("SELECT session_id FROM pending_deletions ORDER BY session_id")
    }

    /// Ends a session in the database alone: nothing is said to the store or to other instances.
    #[track_caller]
    pub fn end_in_database(&self, id: &str, reason: &str) {
        let now = self.now();
        self.update_session(id, &format!("ended_at = {now}, end_reason = {}", quoted(reason)));
    }
}

/// Times, changed behind the application's back.
impl Stores {
    /// When a session was last seen, as it was written.
    #[track_caller]
    pub fn last_seen(&self, id: &str) -> String {
        self.query_one(&format!("SELECT last_seen_at FROM sessions WHERE id = {}", quoted(id))).unwrap()
    }

    /// Whether a session was seen since the beginning of 2026: tests set earlier times.
    #[track_caller]
    pub fn was_seen_again(&self, id: &str) -> bool {
        self.count(&format!("sessions WHERE id = {} AND last_seen_at > '2026-01-01 00:00:01'", quoted(id)))
            == 1
    }

    /// Whether the sweep has dealt with a session that a test had expired: ended it, or moved its end.
    #[track_caller]
    pub fn was_swept(&self, id: &str) -> bool {
        let moved = "(ended_at IS NOT NULL OR expires_at > '2021-01-01 00:00:00')";
        self.count(&format!("sessions WHERE id = {} AND {moved}", quoted(id))) == 1
    }

    /// Seconds between two times of a session.
    #[track_caller]
    pub fn seconds_between(&self, id: &str, from: SessionTime, to: SessionTime) -> f64 {
        let (from, to) = (from.name(), to.name());
        let between = match self.stack() {
            Stack::Sqlite => format!("(julianday({to}) - julianday({from})) * 86400.0"),
            Stack::PostgresRedis => format!("extract(epoch FROM {to} - {from})"),
        };
        let seconds =
            self.query_one(&format!("SELECT {between} AS s FROM sessions WHERE id = {}", quoted(id)));
        seconds.unwrap().parse().unwrap()
    }

    /// Whether a session is past its absolute end.
    #[track_caller]
    pub fn is_past_absolute_end(&self, id: &str) -> bool {
        let (id, now) = (quoted(id), self.now());
        self.count(&format!("sessions WHERE id = {id} AND absolute_expires_at <= {now}")) == 1
    }

    /// Sets a time of a session: `2026-01-01 00:00:00`, in UTC.
    #[track_caller]
    pub fn set_session_time(&self, id: &str, column: SessionTime, at: &str) {
        self.update_session(id, &format!("{} = {}", column.name(), quoted(at)));
    }

    /// Sets a time of every session; returns how many there are.
    #[track_caller]
    pub fn set_all_session_times(&self, column: SessionTime, at: &str) -> usize {
        self.sql(&format!("UPDATE sessions SET {} = {}", column.name(), quoted(at)))
    }

    /// Makes a session expire in 100 seconds, last seen at the beginning of 2026.
    #[track_caller]
    pub fn expire_session_soon(&self, id: &str) {
        let soon = match self.stack() {
            Stack::Sqlite => "datetime('now', '+100 seconds')",
            Stack::PostgresRedis => "(now() AT TIME ZONE 'utc') + interval '100 seconds'",
        };
        self.update_session(id, &format!("last_seen_at = '2026-01-01 00:00:00', expires_at = {soon}"));
    }

    /// Gives about half of the sessions that are not remembered the same last-seen time, and none of them an end.
    #[track_caller]
    pub fn share_last_seen_times(&self) {
        self.sql(
            "UPDATE sessions SET last_seen_at = '2026-01-01 00:00:00' WHERE remembered = false AND id > 'M'",
        );
        self.set_all_session_times(SessionTime::Expires, "2099-01-01 00:00:00");
    }

    /// Replaces the beginning, the last use and the expiry of a session, and whether it is remembered.
    #[track_caller]
    pub fn set_session_age(&self, id: &str, times: [(SessionTime, String); 3], remembered: bool) {
        let times = times.map(|(column, at)| format!("{} = {}", column.name(), quoted(&at))).join(", ");
        self.update_session(id, &format!("{times}, remembered = {remembered}"));
    }

    /// Replaces the address that a session was begun at, as lists show it.
    #[track_caller]
    pub fn set_session_ip(&self, id: &str, ip: &str) {
        self.update_session(id, &format!("ip = {}", quoted(ip)));
    }

    #[track_caller]
    fn update_session(&self, id: &str, set: &str) {
        assert_eq!(self.sql(&format!("UPDATE sessions SET {set} WHERE id = {}", quoted(id))), 1, "{id}");
    }

    /// The time in UTC, as SQL.
    fn now(&self) -> &'static str {
        match self.stack() {
            Stack::Sqlite => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
            Stack::PostgresRedis => "(now() AT TIME ZONE 'utc')",
        }
    }
}

/// A test that expires a session sets its end before this time.
const UNEXPIRED: &str = "ended_at IS NULL AND expires_at > '2026-01-02 00:00:00'";

/// The entries of the store.
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

    /// Makes every session forget when its password was given, as sessions from before this was kept.
    #[track_caller]
    pub fn forget_confirmations(&self) {
        if self.backend() != Backend::Redis {
            self.sql("UPDATE sessions SET state = replace(state, 'confirmed_at', 'forgotten')");
            return;
        }
        for key in self.redis().keys() {
            let state = self.redis().get(&key).unwrap().replace("confirmed_at", "forgotten");
            self.redis().ask::<()>(&["SET", &key, &state, "KEEPTTL"]);
        }
    }
}

/// Rows that no sign-in makes or ends.
impl Stores {
    /// Deletes the sessions in all browsers but this one.
    #[track_caller]
    pub fn delete_sessions_but_in(&self, browser: &str) {
        self.sql(&format!("DELETE FROM sessions WHERE browser <> {}", quoted(browser)));
    }

    /// Deletes all sessions of a user.
    #[track_caller]
    pub fn delete_sessions_of(&self, user: impl AsRef<str>) {
        let user = self.user_id(user);
        self.sql(&format!("DELETE FROM sessions WHERE user_id = {user}"));
    }

    /// Adds copies of a session, in the browser `Lynx` and used less recently.
    #[track_caller]
    pub fn copy_session(&self, id: &str, count: usize) {
        let id = quoted(id);
        self.sql(&format!(
            "INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at, absolute_expires_at, remembered, \
             ip, ip_key, user_agent, browser, browser_version, os, device, person, role, store_key, state) \
             WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {count}) \
             SELECT 'many' || n, user_id, created_at, '2026-01-01 00:00:00', '2099-01-01 00:00:00', \
             '2099-01-01 00:00:00', remembered, ip, ip_key, user_agent, 'Lynx', '', os, device, person, role, \
             'many' || n, state FROM many, sessions WHERE sessions.id = {id}"
        ));
    }

    /// Adds an end of many sessions, which is over or was abandoned.
    #[track_caller]
    pub fn insert_bulk_end(&self, id: &str, finished: bool, expected: usize, ended: usize) {
        let finished = if finished { "'2026-01-01 00:00:01'" } else { "NULL" };
        self.sql(&format!(
            "INSERT INTO bulk_ends (id, started_at, moved_at, finished_at, by_user, expected, ended) VALUES \
             ({}, '2026-01-01 00:00:00', '2026-01-01 00:00:01', {finished}, 1, {expected}, {ended})",
            quoted(id)
        ));
    }
}
