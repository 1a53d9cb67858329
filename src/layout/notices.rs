//! Notices: what was just done, in sentences, and the redirect that carries them to the next page.

use actix_web::{HttpResponse, http::header::LOCATION};
use serde::{Deserialize, Serialize};

use crate::{
    sessions::EndOutcome,
    web::{flash, grouped_count},
};

/// 303 to a page of this site, which shows the flash.
pub fn see_other(path: &str, flash: impl Into<Option<Flash>>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther().insert_header((LOCATION, path)).finish();
    if let Some(flash) = flash.into() {
        flash::put(&mut response, &flash);
    }
    response
}

/// What is said of ends whose entries the store may still have.
pub const UNCONFIRMED: &str = "What ended is refused from now on. The session store has not confirmed yet that all entries \
                               are deleted; that is tried again until it does.";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flash {
    /// The account was made and its user signed in.
    Welcome,
    /// The first administrator was made.
    SetUp,
    /// The session of this browser ended.
    SignedOut,
    /// The name was changed.
    NameChanged,
    /// The password was changed; with it other sessions ended.
    PasswordChanged(EndOutcome),
    /// The account is gone.
    AccountDeleted,
    /// A session was ended.
    SessionEnded,
    /// A session was ended, but the store has not confirmed that it is gone.
    SessionEndedUnconfirmed,
    /// All other sessions were ended.
    OthersEnded(EndOutcome),
    /// It had ended before.
    AlreadyEnded,
    /// Sessions that matched a filter were ended; others of them had ended by themselves.
    MatchingEnded {
        /// Those that ended just now.
        ends: EndOutcome,
        /// Over already.
        already: usize,
    },
    /// A sign-in ended older sessions, because only so many are allowed at once.
    LimitReached(EndOutcome),
    /// The role of the other person was changed.
    RoleChanged,
    /// Your own role was changed.
    OwnRoleChanged,
    /// An account may sign in again.
    Activated,
    /// Nothing was changed, because it was so already.
    Unchanged,
    /// A password was chosen with a one-time link; with it all sessions ended.
    PasswordSet(EndOutcome),
    /// The password has to be given again first.
    ConfirmFirst,
    /// The password was given again.
    Confirmed,
    /// An account may not sign in any more; with that its sessions ended.
    Deactivated(EndOutcome),
    /// All sessions of a user were ended.
    AllEnded(EndOutcome),
}

/// The notice as a page shows it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `done`, `warning` or `problem`.
    pub kind: &'static str,
    /// The sentence.
    pub text: String,
}

impl Flash {
    /// What to say of the end of one session.
    pub fn ended(ends: EndOutcome) -> Self {
        match ends {
            EndOutcome { count: 0, .. } => Self::AlreadyEnded,
            EndOutcome { confirmed: true, .. } => Self::SessionEnded,
            EndOutcome { confirmed: false, .. } => Self::SessionEndedUnconfirmed,
        }
    }

    /// What to say.
    pub fn notice(self) -> Notice {
        let done = |text: String| Notice { kind: "done", text };
        let ended = |ends: EndOutcome, text: String| match ends.confirmed {
            true => done(text),
            false => Notice { kind: "warning", text: format!("{text} {UNCONFIRMED}") },
        };
        match self {
            Self::Welcome => done("Welcome. Your account is ready and you are signed in.".into()),
            Self::SetUp => done("Gatehouse is set up. You are its first administrator.".into()),
            Self::SignedOut => done("You are signed out.".into()),
            Self::NameChanged => done("Your name was saved.".into()),
            Self::PasswordChanged(ends) => ended(ends, format!("Your password was changed. {}", others_ended(ends.count))),
            Self::AccountDeleted => done("Your account and all its sessions are gone.".into()),
            Self::SessionEnded => done("The session was ended.".into()),
            Self::SessionEndedUnconfirmed => Notice {
                kind: "warning",
                text:
                    "The session was ended and is refused from now on. The session store has not confirmed \
                       yet that its entry is deleted; that is tried again until it does."
                        .into(),
            },
            Self::OthersEnded(ends) => ended(ends, others_ended(ends.count)),
            Self::LimitReached(ends) => {
                let which = match ends.count {
                    1 => "oldest session was".to_owned(),
                    count => format!("{} oldest sessions were", grouped_count(count)),
                };
                let text =
                    format!("You are signed in. Your {which} ended, because only so many are allowed at once.");
                Notice { kind: "warning", ..ended(ends, text) }
            }
            Self::MatchingEnded { ends, already } => {
                let now = match ends.count {
                    0 => "0 sessions were ended.".to_owned(),
                    count => sessions_ended(count),
                };
                let text = match already {
                    0 => now,
                    1 => format!("{now} 1 was over already."),
                    already => format!("{now} {} were over already.", grouped_count(already)),
                };
                ended(ends, text)
            }
            Self::RoleChanged => done("The role was changed. It counts from the person's next click on.".into()),
            Self::OwnRoleChanged => done("Your own role was changed.".into()),
            Self::Activated => done("The account is active: the person can sign in again.".into()),
            Self::Unchanged => Notice { kind: "warning", text: "Nothing was changed: it was so already.".into() },
            Self::PasswordSet(ends) => {
                ended(ends, "Your password is set. Sign in with it; wherever you were signed in, that has ended.".into())
            }
            Self::ConfirmFirst => Notice {
                kind: "warning",
                text: "Give your password again to go on. Nothing was changed yet: you come back to the page, and repeat it there."
                    .into(),
            },
            Self::Confirmed => done("Thank you. Now you can go on with what you were about to do.".into()),
            Self::Deactivated(ends) => ended(ends, format!("The account is deactivated. {}", sessions_ended(ends.count))),
            Self::AllEnded(ends) => ended(ends, sessions_ended(ends.count)),
            Self::AlreadyEnded => Notice { kind: "warning", text: "That session had ended already.".into() },
        }
    }
}

fn sessions_ended(count: usize) -> String {
    match count {
        0 => "There was no session to end.".to_owned(),
        1 => "1 session was ended.".to_owned(),
        count => format!("{} sessions were ended.", grouped_count(count)),
    }
}

fn others_ended(count: usize) -> String {
    match count {
        0 => "There was no other session to end.".to_owned(),
        1 => "The other session was ended.".to_owned(),
        count => format!("{} other sessions were ended.", grouped_count(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: EndOutcome = EndOutcome { count: 1204, confirmed: true };
    const UNSURE: EndOutcome = EndOutcome { confirmed: false, ..ENDS };

    #[test]
    fn flash_round_trips_as_json() {
        for flash in [
            Flash::Welcome,
            Flash::SetUp,
            Flash::SignedOut,
            Flash::NameChanged,
            Flash::PasswordChanged(ENDS),
            Flash::PasswordChanged(UNSURE),
            Flash::AccountDeleted,
            Flash::SessionEnded,
            Flash::SessionEndedUnconfirmed,
            Flash::OthersEnded(ENDS),
            Flash::OthersEnded(UNSURE),
            Flash::AlreadyEnded,
            Flash::LimitReached(ENDS),
            Flash::LimitReached(UNSURE),
            Flash::MatchingEnded { ends: ENDS, already: 1 },
            Flash::MatchingEnded { ends: UNSURE, already: 0 },
            Flash::RoleChanged,
            Flash::OwnRoleChanged,
            Flash::Activated,
            Flash::Unchanged,
            Flash::PasswordSet(ENDS),
            Flash::PasswordSet(UNSURE),
            Flash::ConfirmFirst,
            Flash::Confirmed,
            Flash::Deactivated(ENDS),
            Flash::Deactivated(UNSURE),
            Flash::AllEnded(ENDS),
            Flash::AllEnded(UNSURE),
        ] {
            let json = serde_json::to_string(&flash).unwrap();
            assert_eq!(serde_json::from_str::<Flash>(&json).unwrap(), flash);
        }
        assert!(serde_json::from_str::<Flash>("\"You won a prize\"").is_err());
    }

    #[test]
    fn notice_groups_numbers_and_states_unconfirmed_ends() {
        for (flash, text) in [
            (Flash::OthersEnded(ENDS), "1,204 other sessions were ended."),
            (Flash::LimitReached(ENDS), "Your 1,204 oldest sessions were ended"),
            (Flash::LimitReached(EndOutcome { count: 1, ..ENDS }), "Your oldest session was ended"),
            (Flash::MatchingEnded { ends: ENDS, already: 5678 }, "ended. 5,678 were over already."),
            (Flash::Deactivated(UNSURE), "deactivated. 1,204 sessions were ended. What ended is refused"),
        ] {
            let notice = flash.notice();
            assert!(notice.text.contains(text), "{}", notice.text);
            assert_eq!(notice.text.contains(UNCONFIRMED), flash == Flash::Deactivated(UNSURE));
        }
    }
}
