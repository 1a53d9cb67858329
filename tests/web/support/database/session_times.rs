//! The times of sessions, which tests also change behind the application's back.

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
    AbsoluteEnd,
}

impl SessionTime {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::LastSeen => "last_seen_at",
            Self::Expires => "expires_at",
            Self::Ended => "ended_at",
            Self::AbsoluteEnd => "absolute_expires_at",
        }
    }
}

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

    /// Seconds until a session expires if it is not used.
    #[track_caller]
    pub fn seconds_left(&self, id: &str) -> f64 {
        let between = match self.stack() {
            Stack::Sqlite => "(julianday(expires_at) - julianday('now')) * 86400.0".to_owned(),
            Stack::PostgresRedis => format!("extract(epoch FROM expires_at - {})", self.now()),
        };
        let seconds =
            self.query_one(&format!("SELECT {between} AS s FROM sessions WHERE id = {}", quoted(id)));
        seconds.unwrap().parse().unwrap()
    }

    /// Lets so many minutes pass for a session, in the catalogue and in the store.
    #[track_caller]
    pub fn age_session(&self, id: &str, minutes: i64) {
        let names =
            [SessionTime::Created, SessionTime::LastSeen, SessionTime::Expires, SessionTime::AbsoluteEnd];
        let earlier = names.map(|time| match (time.name(), self.stack()) {
            (name, Stack::Sqlite) => {
                format!("{name} = strftime('%Y-%m-%d %H:%M:%f', {name}, '-{minutes} minutes')")
            }
            (name, Stack::PostgresRedis) => format!("{name} = {name} - interval '{minutes} minutes'"),
        });
        self.update_session(id, &earlier.join(", "));
        if self.backend() == Backend::Redis {
            let key = self.redis_key_of(id);
            let left = self.redis().pttl(&key) - minutes * 60_000;
            if left > 0 {
                self.redis().command::<i64>(&["PEXPIRE", &key, &left.to_string()]);
            } else {
                self.redis().del(&key);
            }
        }
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

    /// Moves every rotation of a key to this many seconds ago.
    #[track_caller]
    pub fn set_rotated_ago(&self, seconds: u32) {
        let ago = match self.stack() {
            Stack::Sqlite => format!("strftime('%Y-%m-%d %H:%M:%f', 'now', '-{seconds} seconds')"),
            Stack::PostgresRedis => {
                format!("(clock_timestamp() AT TIME ZONE 'utc') - interval '{seconds} seconds'")
            }
        };
        self.sql(&format!("UPDATE rotated_keys SET rotated_at = {ago}"));
    }

    /// Moves every rotation of a key into the future, as a clock that was set back does.
    #[track_caller]
    pub fn set_rotated_ahead(&self) {
        self.sql("UPDATE rotated_keys SET rotated_at = '2090-01-01 00:00:00'");
    }

    /// How many keys are kept that sessions had before their current one.
    #[track_caller]
    pub fn rotated_key_count(&self) -> usize {
        self.count("rotated_keys")
    }

    #[track_caller]
    pub(super) fn update_session(&self, id: &str, set: &str) {
        assert_eq!(self.sql(&format!("UPDATE sessions SET {set} WHERE id = {}", quoted(id))), 1, "{id}");
    }

    /// The time in UTC, as SQL.
    pub(super) fn now(&self) -> &'static str {
        match self.stack() {
            Stack::Sqlite => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
            Stack::PostgresRedis => "(now() AT TIME ZONE 'utc')",
        }
    }
}
