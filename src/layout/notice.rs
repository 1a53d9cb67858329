//! A notice: a sentence at the top of a page.

use crate::{sessions::EndOutcome, web::grouped_count};

/// Added to a notice when the store may still have entries of the ended sessions.
pub(super) const UNCONFIRMED: &str = "What ended is refused from now on. The session store has not confirmed yet that all entries \
                               are deleted; that is tried again until it does.";

/// The notice as a page shows it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `done`, `warning` or `problem`.
    pub kind: &'static str,
    /// The sentence.
    pub text: String,
}

pub(super) fn done(text: impl Into<String>) -> Notice {
    Notice { kind: "done", text: text.into() }
}

pub(super) fn warning(text: impl Into<String>) -> Notice {
    Notice { kind: "warning", text: text.into() }
}

/// A notice of ended sessions; a warning when the store has not confirmed the deletion of their entries.
pub(super) fn ended(ends: EndOutcome, text: String) -> Notice {
    match ends.confirmed {
        true => done(text),
        false => warning(format!("{text} {UNCONFIRMED}")),
    }
}

/// How many sessions ended, as a sentence.
pub(super) fn sessions_ended(count: usize) -> String {
    match count {
        0 => "There was no session to end.".to_owned(),
        1 => "1 session was ended.".to_owned(),
        count => format!("{} sessions were ended.", grouped_count(count)),
    }
}
