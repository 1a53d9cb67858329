//! Why a session ended, as its user reads it.

use crate::{
    sessions::catalogue::end_reason::EndReason,
    text::{NOT_VISIBLE, shown},
};

/// Why a session ended, with what the administrator wrote to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndMessage {
    /// Why it ended.
    pub reason: EndReason,
    /// What the administrator wrote to the session's user.
    pub text: Option<String>,
}

impl EndMessage {
    /// The sentence for the session's user.
    pub fn sentence(&self) -> String {
        let message = self.reason.message();
        match &self.text {
            Some(text) => format!("{}: {}", message.trim_end_matches('.'), shown(text, NOT_VISIBLE)),
            None => message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_message_contains_what_the_administrator_wrote() {
        let sentence =
            |reason, text: Option<&str>| EndMessage { reason, text: text.map(str::to_owned) }.sentence();
        for (reason, text, expected) in [
            (
                EndReason::EndedByAdmin,
                Some("Laptop stolen"),
                "You were signed out by an administrator: Laptop stolen",
            ),
            (EndReason::EndedByAdmin, None, "You were signed out by an administrator."),
            (
                EndReason::UserDeactivated,
                Some("Contract over"),
                "You were signed out because your account was deactivated: Contract over",
            ),
        ] {
            assert_eq!(sentence(reason, text), expected);
        }
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
