//! Why a session ended, as its user reads it.

use crate::sessions::catalogue::end_reason::EndReason;

/// Why a session ended, with the administrator's note if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndMessage {
    /// Why it ended.
    pub reason: EndReason,
    /// What the administrator wrote.
    pub note: Option<String>,
}

impl EndMessage {
    /// The sentence for the session's user.
    pub fn sentence(&self) -> String {
        match (self.reason, &self.note) {
            (EndReason::EndedByAdmin, Some(note)) => {
                format!("You were signed out by an administrator: {note}")
            }
            (reason, _) => reason.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_message_contains_the_administrator_s_note() {
        let sentence = |note: Option<&str>| {
            EndMessage { reason: EndReason::EndedByAdmin, note: note.map(str::to_owned) }.sentence()
        };
        assert_eq!(sentence(Some("Laptop stolen")), "You were signed out by an administrator: Laptop stolen");
        assert_eq!(sentence(None), "You were signed out by an administrator.");
    }

    #[test]
    fn sign_in_page_omits_ends_by_the_browser_itself() {
        for (reason, shown) in [
            (EndReason::Logout, false),
            (EndReason::Replaced, false),
            (EndReason::Missing, false),
            (EndReason::Idle, true),
        ] {
            assert_eq!(reason.is_shown_at_sign_in(), shown, "{reason:?}");
        }
    }
}
