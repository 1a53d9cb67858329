//! The error type of all requests. What is answered to each is in `answer`.

use std::{collections::BTreeMap, error::Error as StdError, time::Duration};

mod answer;
mod parts;
mod passkey_refusal;

pub use parts::{Detail, FieldProblems, LinkOn, OpenSecondStep, Problem};
pub use passkey_refusal::PasskeyRefusal;

type Cause = Box<dyn StdError + Send + Sync>;

/// Why a request failed or was refused; each variant has one status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: the request is malformed; the text says what is wrong and how to correct it.
    #[error("{0}")]
    BadRequest(String),
    /// 401: the client is not signed in.
    #[error("sign in first")]
    SignInFirst,
    /// 401: address or password is wrong, or the account is deactivated.
    #[error("wrong credentials")]
    WrongCredentials,
    /// 401: the password is right, and a second factor is needed before there is a session.
    #[error("a second factor is needed")]
    CodeNeeded {
        /// The state of the sign-in.
        state: String,
        /// What can be shown.
        methods: Vec<&'static str>,
    },
    /// 401: a code is wrong or was used before.
    #[error("wrong code")]
    WrongCode,
    /// 401: the second step of a sign-in took too long, or was completed before.
    #[error("the second step is over")]
    SecondStepOver,
    /// 401: a passkey is not accepted.
    #[error("the passkey is refused ({0:?})")]
    PasskeyRefused(PasskeyRefusal),
    /// 403: the user or the client is not allowed to do this; the text says why.
    #[error("{0}")]
    Forbidden(&'static str),
    /// 403: the password was given too long ago for this.
    #[error("the password is needed again")]
    PasswordNeeded,
    /// 403: the site requires a second factor, and there is none yet.
    #[error("set up a second factor first")]
    SecondFactorMissing,
    /// 403: a page of another site made the browser send this.
    #[error("this request came from another site")]
    CrossOrigin,
    /// 404: there is no such thing, or this user may not know of it.
    #[error("there is nothing at this address")]
    NotFound,
    /// 409: the page was made for another session than the one that sent this; the text says whose that is.
    #[error("{0}")]
    OtherSession(String),
    /// 409: another account has the address, or can have it back.
    #[error("another account has the address")]
    AddressTaken,
    /// 403: the password is right, and the address has to be confirmed before there is a session.
    #[error("the address is not confirmed")]
    EmailUnconfirmed,
    /// 413: the body is too large.
    #[error("the request is too large")]
    TooLarge,
    /// 415: the body has a media type that the route does not take.
    #[error("this page takes forms only")]
    UnsupportedMediaType,
    /// 415: a call of a script got a body that is neither JSON nor a form.
    #[error("calls take JSON or forms")]
    NotJson,
    /// 421: the request is for a host that this site does not have.
    #[error("this site is not at that address")]
    Misdirected,
    /// 422: fields of a call can't be used; what is wrong with each.
    #[error("fields can't be used")]
    Fields(BTreeMap<String, Vec<String>>),
    /// 422: a new password is not good enough; the text says why.
    #[error("the password: {0}")]
    WeakPassword(String),
    /// 429: too many tries in a short time; the text says what of, and until when.
    #[error("{text}")]
    Throttled {
        /// How long to wait, in whole seconds.
        wait: Duration,
        /// What the page says.
        text: String,
    },
    /// 431: the headers are too large.
    #[error("the headers are too large")]
    HeadersTooLarge,
    /// 503: Redis or the database is down, hangs or is slow.
    #[error("a store that is needed can't be reached")]
    Unavailable(#[source] Cause),
    /// 503: the request brought the key that its session had before the current one, which the browser has by now.
    #[error("the session has a new key")]
    KeyRotated,
    /// 503: the session is bound to the device of its browser, which could not have its proof renewed.
    #[error("the browser could not prove its key")]
    ProofSkipped,
    /// 503: a password has waited too long to be checked or hashed, or too many wait.
    #[error("too many passwords wait")]
    Busy,
    /// 503: the answer took longer than `REQUEST_TIMEOUT`, and what was asked for may be done all the same.
    #[error("the request took longer than REQUEST_TIMEOUT")]
    TookTooLong,
    /// 500: the database rejected a statement.
    #[error("the database refused")]
    Database(#[source] diesel::result::Error),
    /// 500: a setting that can never work, found when it was used; stops the start.
    #[error("{variable}: {reason}")]
    Misconfigured {
        /// The variable that has to change.
        variable: &'static str,
        /// Why it can't work.
        reason: String,
    },
    /// 500: any other fault of the server.
    #[error("an internal fault")]
    Internal(#[source] Cause),
}

impl Error {
    /// [`Self::Unavailable`]: Redis or the database did not answer.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// [`Self::Internal`] with its cause.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// [`Self::Misconfigured`]: the variable, and why what it holds can't work.
    pub fn misconfigured(variable: &'static str, reason: String) -> Self {
        Self::Misconfigured { variable, reason }
    }

    /// [`Self::Forbidden`]: the user is signed in but not an administrator.
    pub fn administrators_only() -> Self {
        Self::Forbidden("Only administrators may see this page.")
    }

    /// [`Self::Internal`]: a condition that the code rules out, in words.
    pub fn bug(what: &str) -> Self {
        Self::Internal(what.into())
    }

    /// The error and its chain of causes, joined by `: `, for the log; never shown to a client.
    pub fn causes(&self) -> String {
        chain(self)
    }

    /// The chain of causes below the error, for another error with the same cause; the error itself where it has none.
    pub fn cause(&self) -> String {
        chain(self.source().unwrap_or(self))
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// What a sign-in says of a wrong address or password.
pub const WRONG_CREDENTIALS: &str = "Email or password is incorrect.";

/// What is said of a code that is not accepted.
pub const WRONG_CODE: &str =
    "That code is wrong, or was used before. An app shows a new one every 30 seconds.";

/// What is said to somebody who has no second factor where the site requires one.
pub const SECOND_FACTOR_MISSING: &str = "This site requires a second factor of you. Set one up first, at /security in a browser; until then \
                                         nothing else can be done.";

/// What a registration says of an address that has an account.
pub const ADDRESS_TAKEN: &str =
    "An account with this address exists already. Sign in, or use another address.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_display_hides_causes() {
        let error = Error::unavailable("connection refused by 10.0.0.7");
        assert!(error.causes().contains("10.0.0.7"));
        assert!(!error.to_string().contains("10.0.0.7"));
    }
}
