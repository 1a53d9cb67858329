//! The `sessions` table: which sessions there are, and rows that no sign-in makes.

use super::quoted;
use crate::support::stores::Stores;

/// A test that expires a session sets its end before this time.
pub(super) const UNEXPIRED: &str = "ended_at IS NULL AND expires_at > '2026-01-02 00:00:00'";

impl Stores {
    /// The ids of all sessions, the oldest first.
    #[track_caller]
    pub fn session_ids(&self) -> Vec<String> {
        self.query_column("SELECT id FROM sessions ORDER BY created_at, id")
    }

    /// Whether somebody else has presented a key of a session.
    #[track_caller]
    pub fn is_key_stolen(&self, id: &str) -> bool {
        self.count(&format!("sessions WHERE id = {} AND key_stolen_at IS NOT NULL", quoted(id))) == 1
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

    /// The names in lower case that a user's sessions are found by, of those that have ended or of the others.
    #[track_caller]
    pub fn session_names(&self, user: impl AsRef<str>, ended: bool) -> Vec<String> {
        let (user, not) = (self.user_id(user), if ended { "NOT" } else { "" });
        let people = self.query_column(&format!(
            "SELECT person FROM sessions WHERE user_id = {user} AND ended_at IS {not} NULL ORDER BY created_at, id"
        ));
        people.iter().map(|person| person.lines().next().unwrap_or_default().to_owned()).collect()
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
}
