//! The `events` table: the security log.

use time::PrimitiveDateTime;

use super::{quoted, timestamp};
use crate::support::stores::Stores;

/// Kind, actor and detail of an event.
pub type EventRow = (String, Option<String>, Option<String>);

impl Stores {
    /// How many events there are.
    #[track_caller]
    pub fn event_count(&self) -> usize {
        self.count("events")
    }

    /// How many events of a kind there are: `sign_in_failed`.
    #[track_caller]
    pub fn event_count_of(&self, kind: &str) -> usize {
        self.count(&format!("events WHERE kind = {}", quoted(kind)))
    }

    /// How many events have this detail.
    #[track_caller]
    pub fn event_count_with(&self, detail: &str) -> usize {
        self.count(&format!("events WHERE detail = {}", quoted(detail)))
    }

    /// The details of all events that have one.
    #[track_caller]
    pub fn event_details(&self) -> Vec<String> {
        self.query_column("SELECT detail FROM events WHERE detail IS NOT NULL")
    }

    /// The events of some kinds, the oldest first.
    #[track_caller]
    pub fn events_of_kinds(&self, kinds: &[&str]) -> Vec<EventRow> {
        let kinds: Vec<String> = kinds.iter().map(|kind| quoted(kind)).collect();
        self.event_rows(&format!("kind IN ({})", kinds.join(", ")))
    }

    /// The events about a user beyond registration, sign-ins and ends of sessions, the oldest first.
    #[track_caller]
    pub fn account_events(&self, user: impl AsRef<str>) -> Vec<EventRow> {
        let others = "kind NOT IN ('registered', 'signed_in', 'sign_in_failed', 'session_ended')";
        self.event_rows(&format!("user_id = {} AND {others}", self.user_id(user)))
    }

    /// The ids of the user and of the actor of each event of a kind, the oldest first.
    #[track_caller]
    pub fn event_users(&self, kind: &str) -> Vec<Vec<Option<String>>> {
        let kind = quoted(kind);
        self.query_text(&format!("SELECT user_id, actor_id FROM events WHERE kind = {kind} ORDER BY id"))
    }

    /// The session of each event of a kind, the oldest first.
    #[track_caller]
    pub fn sessions_of_events(&self, kind: &str) -> Vec<String> {
        let kind = quoted(kind);
        self.query_column(&format!("SELECT session_id FROM events WHERE kind = {kind} ORDER BY id"))
    }

    /// The details of the events of a kind, the oldest first.
    #[track_caller]
    pub fn details_of_events(&self, kind: &str) -> Vec<String> {
        let kind = quoted(kind);
        self.query_column(&format!("SELECT detail FROM events WHERE kind = {kind} ORDER BY id"))
    }

    /// Address and program of each event of a kind, the oldest first.
    #[track_caller]
    pub fn origins_of_events(&self, kind: &str) -> Vec<(String, String)> {
        let kind = quoted(kind);
        let rows =
            self.query_text(&format!("SELECT ip, user_agent FROM events WHERE kind = {kind} ORDER BY id"));
        let text = |column: &Option<String>| column.clone().unwrap();
        rows.iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
    }

    /// How often what the events of a kind record happened.
    #[track_caller]
    pub fn event_times_of(&self, kind: &str) -> u32 {
        let kind = quoted(kind);
        self.query_one(&format!("SELECT sum(times) FROM events WHERE kind = {kind}"))
            .unwrap()
            .parse()
            .unwrap()
    }

    /// What the log says of the end of a session: the actor and the detail, once for each event.
    #[track_caller]
    pub fn logged_ends(&self, id: &str) -> Vec<(Option<String>, String)> {
        let ends = self.event_rows(&format!("kind = 'session_ended' AND session_id = {}", quoted(id)));
        ends.into_iter().map(|(_, actor, detail)| (actor, detail.unwrap())).collect()
    }

    /// The id of the session that the last sign-in began.
    #[track_caller]
    pub fn session_of_last_sign_in(&self) -> String {
        let select = "SELECT session_id FROM events WHERE kind = 'signed_in' ORDER BY id DESC LIMIT 1";
        self.query_one(select).unwrap()
    }

    /// Moves the failed sign-ins of unknown users to 2020.
    #[track_caller]
    pub fn backdate_unknown_sign_ins(&self) {
        self.sql(
            "UPDATE events SET at = '2020-01-01 00:00:00' WHERE kind = 'sign_in_failed' AND user_id IS NULL",
        );
    }

    /// Adds an event of the user with this id, by the same user, at a time such as `2026-01-01 00:00:00`.
    #[track_caller]
    pub fn insert_event(&self, at: &str, kind: &str, user: &str, detail: &str) {
        self.insert_events(&[(at, kind, Some(user), Some(detail))]);
    }

    /// Adds events of some kinds, without a user and a detail.
    #[track_caller]
    pub fn insert_bare_events(&self, events: &[(PrimitiveDateTime, &str)]) {
        let events: Vec<_> = events.iter().map(|(at, kind)| (timestamp(*at), *kind)).collect();
        let rows: Vec<_> = events.iter().map(|(at, kind)| (at.as_str(), *kind, None, None)).collect();
        self.insert_events(&rows);
    }

    /// Deletes the events of failed sign-ins.
    pub fn delete_failed_sign_ins(&self) {
        self.run_script("DELETE FROM events WHERE kind = 'sign_in_failed'");
    }

    /// Adds events: the time, the kind, the id of the user and actor, and the detail.
    #[track_caller]
    pub fn insert_events(&self, events: &[(&str, &str, Option<&str>, Option<&str>)]) {
        let mut conn = self.connect();
        for chunk in events.chunks(500) {
            let rows: Vec<String> = chunk
                .iter()
                .map(|(at, kind, user, detail)| {
                    let user = user.unwrap_or("NULL");
                    let detail = detail.map_or_else(|| "NULL".to_owned(), quoted);
                    format!("({}, {}, {user}, {user}, {detail})", quoted(at), quoted(kind))
                })
                .collect();
            conn.run(&format!(
                "INSERT INTO events (at, kind, user_id, actor_id, detail) VALUES {}",
                rows.join(",")
            ));
        }
    }

    #[track_caller]
    fn event_rows(&self, condition: &str) -> Vec<EventRow> {
        let select = format!("SELECT kind, actor_id, detail FROM events WHERE {condition} ORDER BY id");
        let rows = self.query_text(&select);
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone(), row[2].clone())).collect()
    }
}
