//! How sessions ended, as the `sessions` table has it.

use super::quoted;
use crate::support::stores::Stores;

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    pub reason: String,
    /// The id of the user who ended it; none: the system.
    pub by: Option<String>,
    /// What is left of its state.
    pub state: Option<String>,
}

impl Stores {
    /// Why a session ended; `None` while it has not.
    #[track_caller]
    pub fn end_reason(&self, id: &str) -> Option<String> {
        self.query_one(&format!("SELECT end_reason FROM sessions WHERE id = {}", quoted(id)))
    }

    /// What the user of a session that ended reads about it.
    #[track_caller]
    pub fn end_message(&self, id: &str) -> Option<String> {
        self.query_one(&format!("SELECT end_message FROM sessions WHERE id = {}", quoted(id)))
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

    /// What users read about the sessions that ended for a reason, which all have such a text.
    #[track_caller]
    pub fn end_messages(&self, reason: &str) -> Vec<String> {
        self.end_texts("end_message", reason)
    }

    /// The notes for the record of the sessions that ended for a reason, which all have one.
    #[track_caller]
    pub fn end_notes(&self, reason: &str) -> Vec<String> {
        self.end_texts("end_note", reason)
    }

    #[track_caller]
    fn end_texts(&self, column: &str, reason: &str) -> Vec<String> {
        self.query_column(&format!(
            "SELECT {column} FROM sessions WHERE end_reason = {} ORDER BY ended_at, id",
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

    /// Replaces the note of an end.
    #[track_caller]
    pub fn set_end_note(&self, id: &str, note: &str) {
        self.update_session(id, &format!("end_note = {}", quoted(note)));
    }

    /// Ends a session in the database alone: nothing is said to the store or to other instances.
    #[track_caller]
    pub fn end_in_database(&self, id: &str, reason: &str) {
        let now = self.now();
        self.update_session(id, &format!("ended_at = {now}, end_reason = {}", quoted(reason)));
    }

    /// Ends all sessions but one, at a time such as `2020-01-01 00:00:00`.
    #[track_caller]
    pub fn end_long_ago(&self, but: &str, at: &str) {
        let at = quoted(at);
        self.sql(&format!(
            "UPDATE sessions SET ended_at = {at}, end_reason = 'logout' WHERE id <> {}",
            quoted(but)
        ));
    }
}
