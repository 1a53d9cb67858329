//! What has to agree across the tables, and snapshots of everything that a request could have changed.

use super::Rows;
use crate::support::stores::Stores;

/// What must not be found after the program was killed. Each query counts what is wrong.
const NOTHING_HALF_DONE: [(&str, &str); 7] = [
    ("a user without a password", "users WHERE password_hash NOT LIKE '$argon2id$%'"),
    (
        "a user who was never registered, or twice",
        "users WHERE 1 <> (SELECT count(*) FROM events WHERE kind = 'registered' AND user_id = users.id)",
    ),
    (
        "a registration without its user",
        "events WHERE kind = 'registered' AND user_id NOT IN (SELECT id FROM users)",
    ),
    (
        "a session without its sign-in, or with two",
        "sessions WHERE 1 <> (SELECT count(*) FROM events WHERE kind = 'signed_in' AND session_id = sessions.id)",
    ),
    (
        "a sign-in without its session",
        "events WHERE kind = 'signed_in' AND session_id NOT IN (SELECT id FROM sessions)",
    ),
    (
        "an end that was not logged, or logged without or twice",
        "sessions WHERE (CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END) <> \
         (SELECT count(*) FROM events WHERE kind = 'session_ended' AND session_id = sessions.id)",
    ),
    (
        "a changed password or a new app without its event, or the other way round",
        "users WHERE session_epoch <> (SELECT count(*) FROM events \
         WHERE kind IN ('password_changed', 'authenticator_added') AND user_id = users.id)",
    ),
];

/// What must not be found in a demonstration. Each query counts what is wrong.
const NOTHING_IMPLAUSIBLE: [(&str, &str); 4] = [
    (
        "an end before the last use, or without a reason",
        "sessions WHERE ended_at < created_at OR ended_at < last_seen_at \
         OR end_reason IS NULL AND ended_at IS NOT NULL",
    ),
    (
        "a browser that is not recognized",
        "sessions WHERE ended_at IS NULL AND user_agent NOT LIKE 'curl%' \
         AND (browser = '' OR os = '' OR device = 'unknown')",
    ),
    (
        "a session that says something else of its user",
        "sessions JOIN users ON users.id = user_id WHERE sessions.role <> users.role \
         OR person <> users.search_text OR search_text NOT LIKE '%\n' || email_key",
    ),
    ("a log that is not in the order of time", "events a JOIN events b ON b.id = a.id + 1 WHERE b.at < a.at"),
];

impl Stores {
    /// Asserts that users, sessions and the security log agree: nothing was half done.
    #[track_caller]
    pub fn assert_nothing_half_done(&self) {
        self.assert_none(&NOTHING_HALF_DONE);
    }

    /// Asserts that sessions and events of a demonstration could have come about.
    #[track_caller]
    pub fn assert_plausible(&self) {
        self.assert_none(&NOTHING_IMPLAUSIBLE);
    }

    /// How many sessions are active and have plausible times.
    #[track_caller]
    pub fn plausible_active_sessions(&self) -> usize {
        self.count(
            "sessions WHERE ended_at IS NULL AND expires_at > last_seen_at AND created_at <= last_seen_at",
        )
    }

    /// Whether there is a user with this email address or one without a password.
    #[track_caller]
    pub fn has_half_registered(&self, email_key: &str) -> bool {
        let email_key = super::quoted(email_key);
        self.count(&format!("users WHERE email_key = {email_key} OR password_hash = ''")) != 0
    }

    /// Everything that a form can write: users, the keys and ends of sessions, and how many tokens and events there are, but for
    /// those events that say that the right password was given.
    #[track_caller]
    pub fn written(&self) -> Rows {
        let users = self.query_text(
            "SELECT id, name, email, pending_email, password_hash, updated_at, last_login_at FROM users ORDER BY id",
        );
        let sessions = self.query_text("SELECT id, store_key, ended_at FROM sessions ORDER BY id");
        let counts = self.query_text(
            "SELECT (SELECT count(*) FROM tokens), (SELECT count(*) FROM events WHERE kind <> 'confirmed')",
        );
        [users, sessions, counts].concat()
    }

    /// Who has access: roles and states of accounts, tokens, and which sessions have ended.
    #[track_caller]
    pub fn access(&self) -> Rows {
        let users = self.query_text("SELECT id, role, active, session_epoch FROM users ORDER BY id");
        let tokens = self.query_text("SELECT token_hash FROM tokens ORDER BY token_hash");
        [users, tokens, self.query_text("SELECT id, ended_at FROM sessions ORDER BY id")].concat()
    }

    #[track_caller]
    fn assert_none(&self, wrong: &[(&str, &str)]) {
        for (what, rows) in wrong {
            assert_eq!(self.count(rows), 0, "{what}");
        }
    }
}
