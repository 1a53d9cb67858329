//! Notices: what was just done, in sentences, and the redirect that carries a notice to the next page.

use actix_web::{HttpResponse, http::header::LOCATION};
use serde::{Deserialize, Serialize};

use super::{
    email_notices::EmailFlash,
    notice::{Notice, done, ended, sessions_ended, warning},
    second_factor_notices::SecondFactorFlash,
};
use crate::{
    sessions::EndOutcome,
    web::{flash, grouped_count},
};

/// Lets the page to which a script goes next show the flash.
pub fn put_flash(response: &mut HttpResponse, flash: &Flash) {
    flash::put(response, flash);
}

/// A 303 redirect to a page of this site, which shows the flash.
pub fn see_other(path: &str, flash: impl Into<Option<Flash>>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther().insert_header((LOCATION, path)).finish();
    if let Some(flash) = flash.into() {
        flash::put(&mut response, &flash);
    }
    response
}

/// Added to the notice that a session was ended because it was somebody else's.
const DISOWNED: &str = "A link to choose a new password is on its way to your address. It works for one hour. Choose one soon: until \
                        then whoever knows the old one can sign in again.";

/// Added to a notice of how many sessions ended before an end of many stopped.
const END_STOPPED: &str = "Then it was stopped, because the database did not answer, or because you were signed out or are \
                           no administrator any more. Look at the list, and end the others again.";

/// What was done; shown as a [`Notice`] on the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flash {
    /// The account was created and its user signed in.
    Welcome,
    /// The first administrator was created.
    SetUp,
    /// The link for the first administrator was used.
    SetupLinkUsed,
    /// The session of this browser ended.
    SignedOut,
    /// The name was changed.
    NameChanged,
    /// The password was changed; with it other sessions ended.
    PasswordChanged(EndOutcome),
    /// The account was deleted.
    AccountDeleted,
    /// A session was ended.
    SessionEnded,
    /// A session was ended, but the store has not confirmed that its entry is deleted.
    SessionEndedUnconfirmed,
    /// All other sessions were ended.
    OthersEnded(EndOutcome),
    /// The session had ended before.
    AlreadyEnded,
    /// Sessions that matched a filter were ended; some of them had ended before.
    MatchingEnded {
        /// The sessions that this request ended.
        ends: EndOutcome,
        /// How many had ended before.
        already: usize,
    },
    /// An end of many sessions stopped after this many.
    EndStopped(usize),
    /// A sign-in ended older sessions, because only so many are allowed at once.
    LimitReached(EndOutcome),
    /// The role of another user was changed.
    RoleChanged,
    /// The administrator's own role was changed.
    OwnRoleChanged,
    /// An account may sign in again.
    Activated,
    /// Nothing was changed, because the new value equals the old one.
    Unchanged,
    /// A password was chosen with a one-time link; with it all sessions ended.
    PasswordSet(EndOutcome),
    /// A link for a new password was asked for.
    LinkRequested,
    /// A session was ended because it was somebody else's, and a link for a new password mailed.
    SessionDisowned(EndOutcome),
    /// About the user's address.
    Email(EmailFlash),
    /// The password was given again.
    Confirmed,
    /// About a second factor.
    SecondFactor(SecondFactorFlash),
    /// An account may not sign in any more; with that its sessions ended.
    Deactivated(EndOutcome),
    /// All sessions of a user were ended.
    AllEnded(EndOutcome),
}

impl Flash {
    /// The flash for the end of one session.
    pub fn ended(ends: EndOutcome) -> Self {
        match ends {
            EndOutcome { count: 0, .. } => Self::AlreadyEnded,
            EndOutcome { confirmed: true, .. } => Self::SessionEnded,
            EndOutcome { confirmed: false, .. } => Self::SessionEndedUnconfirmed,
        }
    }

    /// The notice in words.
    pub fn notice(self) -> Notice {
        match self {
            Self::Welcome => done("Welcome. Your account is ready and you are signed in."),
            Self::SetUp => done("The site is set up. You are its first administrator."),
            Self::SetupLinkUsed => {
                warning("The set-up link was used: this site has its administrator. Sign in to go on.")
            }
            Self::SignedOut => done("You are signed out."),
            Self::NameChanged => done("Your name was saved."),
            Self::PasswordChanged(ends) => {
                ended(ends, format!("Your password was changed. {}", others_ended(ends.count)))
            }
            Self::AccountDeleted => done("Your account and all its sessions are gone."),
            Self::SessionEnded => done("The session was ended."),
            Self::SessionEndedUnconfirmed => warning(
                "The session was ended and is refused from now on. The session store has not confirmed \
                 yet that its entry is deleted; that is tried again until it does.",
            ),
            Self::OthersEnded(ends) => ended(ends, others_ended(ends.count)),
            Self::LimitReached(ends) => limit_reached(ends),
            Self::MatchingEnded { ends, already } => matching_ended(ends, already),
            Self::EndStopped(count) => warning(format!("{} {END_STOPPED}", sessions_ended(count))),
            Self::RoleChanged => done(
                "The role was changed. It counts from the person's next click on. One-time links made before don't work \
                 any more.",
            ),
            Self::OwnRoleChanged => done("Your own role was changed."),
            Self::Activated => done("The account is active: the person can sign in again."),
            Self::Unchanged => warning("Nothing was changed: it was so already."),
            Self::PasswordSet(ends) => password_set(ends),
            Self::LinkRequested => done(
                "If there is an account with this address, a link to choose a new password is on its way to it. The link \
                 works for one hour. If nothing comes, look among the spam, and check the address.",
            ),
            Self::SessionDisowned(ends) => session_disowned(ends),
            Self::Email(flash) => flash.notice(),
            Self::Confirmed => done("Thank you. Now you can go on with what you were about to do."),
            Self::SecondFactor(flash) => flash.notice(),
            Self::Deactivated(ends) => {
                ended(ends, format!("The account is deactivated. {}", sessions_ended(ends.count)))
            }
            Self::AllEnded(ends) => ended(ends, sessions_ended(ends.count)),
            Self::AlreadyEnded => warning("That session had ended already."),
        }
    }
}

fn password_set(ends: EndOutcome) -> Notice {
    let where_ended = match ends.count {
        0 => ".",
        _ => "; wherever you were signed in, that has ended.",
    };
    ended(ends, format!("Your password is set. Sign in with it{where_ended}"))
}

fn session_disowned(ends: EndOutcome) -> Notice {
    let what = match ends.count {
        0 => "That session had ended before.",
        _ => "That session was ended.",
    };
    ended(ends, format!("{what} {DISOWNED}"))
}

fn limit_reached(ends: EndOutcome) -> Notice {
    let which = match ends.count {
        1 => "oldest session was".to_owned(),
        count => format!("{} oldest sessions were", grouped_count(count)),
    };
    let text = format!("You are signed in. Your {which} ended, because only so many are allowed at once.");
    Notice { kind: "warning", ..ended(ends, text) }
}

fn matching_ended(ends: EndOutcome, already: usize) -> Notice {
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

fn others_ended(count: usize) -> String {
    match count {
        0 => "There was no other session to end.".to_owned(),
        1 => "The other session was ended.".to_owned(),
        count => format!("{} other sessions were ended.", grouped_count(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::notice::UNCONFIRMED, *};

    const ENDS: EndOutcome = EndOutcome { count: 1204, confirmed: true };
    const UNSURE: EndOutcome = EndOutcome { confirmed: false, ..ENDS };

    #[test]
    fn flash_round_trips_as_json() {
        for flash in [
            Flash::Welcome,
            Flash::SetUp,
            Flash::SetupLinkUsed,
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
            Flash::EndStopped(250),
            Flash::RoleChanged,
            Flash::OwnRoleChanged,
            Flash::Activated,
            Flash::Unchanged,
            Flash::PasswordSet(ENDS),
            Flash::PasswordSet(UNSURE),
            Flash::LinkRequested,
            Flash::SessionDisowned(ENDS),
            Flash::SessionDisowned(UNSURE),
            Flash::Email(EmailFlash::ChangeAsked),
            Flash::Email(EmailFlash::GivenBack(ENDS)),
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
