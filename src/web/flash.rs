//! The notice of what was just done, on the page that follows. A cookie carries a word, never text, so that
//! nobody can put words into our mouth; it is gone once shown.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::LOCATION,
};

use super::grouped;
use crate::{config::Config, sessions::Ends};

/// What is said of ends whose entries the store may still have.
pub const UNCONFIRMED: &str = "What ended is refused from now on. The session store has not confirmed yet that all entries \
                               are deleted; that is tried again until it does.";

/// After the word of a notice: the store has not confirmed what ended.
const UNCONFIRMED_WORD: &str = "-unconfirmed";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    PasswordChanged(Ends),
    /// The account is gone.
    AccountDeleted,
    /// A session was ended.
    SessionEnded,
    /// A session was ended, but the store has not confirmed that it is gone.
    SessionEndedUnconfirmed,
    /// All other sessions were ended.
    OthersEnded(Ends),
    /// It had ended before.
    AlreadyEnded,
    /// Sessions that matched a filter were ended; others of them had ended by themselves.
    MatchingEnded {
        /// Those that ended just now.
        ends: Ends,
        /// Over already.
        already: usize,
    },
    /// A sign-in ended older sessions, because only so many are allowed at once.
    LimitReached(Ends),
    /// The role of the other person was changed.
    RoleChanged,
    /// Your own role was changed.
    OwnRoleChanged,
    /// An account may sign in again.
    Activated,
    /// Nothing was changed, because it was so already.
    Unchanged,
    /// A password was chosen with a one-time link; with it all sessions ended.
    PasswordSet(Ends),
    /// The password has to be given again first.
    ConfirmFirst,
    /// The password was given again.
    Confirmed,
    /// An account may not sign in any more; with that its sessions ended.
    Deactivated(Ends),
    /// All sessions of a user were ended.
    AllEnded(Ends),
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
    pub fn ended(ends: Ends) -> Self {
        match ends {
            Ends { count: 0, .. } => Self::AlreadyEnded,
            Ends { confirmed: true, .. } => Self::SessionEnded,
            Ends { confirmed: false, .. } => Self::SessionEndedUnconfirmed,
        }
    }

    fn word(self) -> String {
        let ended = |word: &str, ends: Ends| {
            format!("{word}{}.{}", if ends.confirmed { "" } else { UNCONFIRMED_WORD }, ends.count)
        };
        match self {
            Self::Welcome => "welcome".into(),
            Self::SetUp => "set-up".into(),
            Self::SignedOut => "signed-out".into(),
            Self::NameChanged => "name-changed".into(),
            Self::PasswordChanged(ends) => ended("password-changed", ends),
            Self::AccountDeleted => "account-deleted".into(),
            Self::SessionEnded => "session-ended".into(),
            Self::SessionEndedUnconfirmed => format!("session-ended{UNCONFIRMED_WORD}"),
            Self::OthersEnded(ends) => ended("others-ended", ends),
            Self::AlreadyEnded => "already-ended".into(),
            Self::LimitReached(ends) => ended("limit-reached", ends),
            Self::RoleChanged => "role-changed".into(),
            Self::OwnRoleChanged => "own-role-changed".into(),
            Self::Activated => "activated".into(),
            Self::Unchanged => "unchanged".into(),
            Self::PasswordSet(ends) => ended("password-set", ends),
            Self::ConfirmFirst => "confirm-first".into(),
            Self::Confirmed => "confirmed".into(),
            Self::Deactivated(ends) => ended("deactivated", ends),
            Self::AllEnded(ends) => ended("all-ended", ends),
            Self::MatchingEnded { ends, already } => format!("{}.{already}", ended("matching-ended", ends)),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split('.');
        let word = parts.next()?;
        let (word, confirmed) =
            word.strip_suffix(UNCONFIRMED_WORD).map_or((word, true), |word| (word, false));
        let mut number = || parts.next().map_or(Some(0), |number| number.parse::<usize>().ok());
        let (count, already) = (number()?, number()?);
        let ends = Ends { count, confirmed };
        Some(match word {
            "welcome" => Self::Welcome,
            "set-up" => Self::SetUp,
            "signed-out" => Self::SignedOut,
            "name-changed" => Self::NameChanged,
            "password-changed" => Self::PasswordChanged(ends),
            "account-deleted" => Self::AccountDeleted,
            "session-ended" if confirmed => Self::SessionEnded,
            "session-ended" => Self::SessionEndedUnconfirmed,
            "others-ended" => Self::OthersEnded(ends),
            "already-ended" => Self::AlreadyEnded,
            "limit-reached" => Self::LimitReached(ends),
            "matching-ended" => Self::MatchingEnded { ends, already },
            "role-changed" => Self::RoleChanged,
            "own-role-changed" => Self::OwnRoleChanged,
            "activated" => Self::Activated,
            "unchanged" => Self::Unchanged,
            "password-set" => Self::PasswordSet(ends),
            "confirm-first" => Self::ConfirmFirst,
            "confirmed" => Self::Confirmed,
            "deactivated" => Self::Deactivated(ends),
            "all-ended" => Self::AllEnded(ends),
            _ => return None,
        })
    }

    /// What to say.
    pub fn notice(self) -> Notice {
        let done = |text: String| Notice { kind: "done", text };
        let ended = |ends: Ends, text: String| match ends.confirmed {
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
                    count => format!("{} oldest sessions were", number(count)),
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
                    already => format!("{now} {} were over already.", number(already)),
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
        count => format!("{} sessions were ended.", number(count)),
    }
}

fn others_ended(count: usize) -> String {
    match count {
        0 => "There was no other session to end.".to_owned(),
        1 => "The other session was ended.".to_owned(),
        count => format!("{} other sessions were ended.", number(count)),
    }
}

fn number(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The name of the cookie that carries the notice.
pub fn cookie_name(config: &Config) -> &'static str {
    if config.server.is_https() { "__Host-gatehouse-notice" } else { "gatehouse-notice" }
}

fn cookie(config: &Config, value: String) -> Cookie<'static> {
    Cookie::build(cookie_name(config), value)
        .path("/")
        .secure(config.server.is_https())
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::minutes(1))
        .finish()
}

/// The cookie that takes the notice away.
pub fn removal(config: &Config) -> Cookie<'static> {
    let mut cookie = cookie(config, String::new());
    cookie.make_removal();
    cookie
}

/// The notice that came with a request.
pub fn of(req: &HttpRequest, config: &Config) -> Option<Notice> {
    Flash::parse(req.cookie(cookie_name(config))?.value()).map(Flash::notice)
}

/// 303 to the next page, which shows what was done.
pub fn see_other(config: &Config, path: &str, flash: Option<Flash>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, path));
    if let Some(flash) = flash {
        response.cookie(cookie(config, flash.word()));
    }
    response.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: Ends = Ends { count: 1204, confirmed: true };
    const UNSURE: Ends = Ends { confirmed: false, ..ENDS };

    #[test]
    fn every_notice_survives_its_word() {
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
            assert_eq!(Flash::parse(&flash.word()), Some(flash));
        }
        assert_eq!(Flash::parse("You won a prize"), None);
    }

    #[test]
    fn a_notice_has_grouped_numbers_and_says_what_is_not_confirmed() {
        for (flash, text) in [
            (Flash::OthersEnded(ENDS), "1,204 other sessions were ended."),
            (Flash::LimitReached(ENDS), "Your 1,204 oldest sessions were ended"),
            (Flash::LimitReached(Ends { count: 1, ..ENDS }), "Your oldest session was ended"),
            (Flash::MatchingEnded { ends: ENDS, already: 5678 }, "ended. 5,678 were over already."),
            (Flash::Deactivated(UNSURE), "deactivated. 1,204 sessions were ended. What ended is refused"),
        ] {
            let notice = flash.notice();
            assert!(notice.text.contains(text), "{}", notice.text);
            assert_eq!(notice.text.contains(UNCONFIRMED), flash == Flash::Deactivated(UNSURE));
        }
    }
}
