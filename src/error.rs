//! The error type of all requests, and the HTTP status of each error.

use std::{collections::BTreeMap, error::Error as StdError, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};

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
    /// 503: a password has waited too long to be checked or hashed, or too many wait.
    #[error("too many passwords wait")]
    Busy,
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

    /// What the error page says instead of the status's default.
    fn detail(&self) -> Option<&str> {
        match self {
            Self::BadRequest(text)
            | Self::OtherSession(text)
            | Self::WeakPassword(text)
            | Self::Throttled { text, .. } => Some(text),
            Self::Forbidden(text) => Some(text),
            Self::WrongCredentials => Some(WRONG_CREDENTIALS),
            Self::CodeNeeded { .. } => Some(
                "The password is right. Send mfa_token and a code of the authenticator app, or a recovery code, to \
                 /auth/login/verify.",
            ),
            Self::WrongCode => Some(WRONG_CODE),
            Self::PasskeyRefused(refusal) => Some(refusal.text()),
            Self::SecondStepOver => Some(
                "The second step took too long, or was completed before. Sign in with the password again.",
            ),
            Self::AddressTaken => Some(ADDRESS_TAKEN),
            Self::EmailUnconfirmed => {
                Some("Confirm your email address first: a mail with a link is on its way to it.")
            }
            Self::PasswordNeeded => Some(
                "Give the password once more for this, as confirm_password in the body: it was last given too long ago.",
            ),
            Self::SecondFactorMissing => Some(SECOND_FACTOR_MISSING),
            Self::NotJson => Some(
                "Send the fields as JSON (Content-Type: application/json, in UTF-8) or as a form (application/x-www-form-urlencoded).",
            ),
            Self::Fields(_) => {
                Some("Some fields can't be used; errors says what is wrong with each. Nothing was changed.")
            }
            Self::CrossOrigin => Some(
                "This request came from another site, so nothing was done. Open the page here and try again.",
            ),
            Self::KeyRotated => Some(
                "The session has just got a new key. Send the request again, with the new cookie or token.",
            ),
            Self::Busy => Some("Too many passwords wait to be checked just now. Nothing was changed."),
            _ => None,
        }
    }

    /// What is wrong with the fields that were sent, by their names.
    fn fields(&self) -> Option<BTreeMap<String, Vec<String>>> {
        let one = |field: &str, message: &str| BTreeMap::from([(field.to_owned(), vec![message.to_owned()])]);
        match self {
            Self::Fields(fields) => Some(fields.clone()),
            Self::WeakPassword(message) => Some(one("password", message)),
            Self::AddressTaken => Some(one("email", ADDRESS_TAKEN)),
            _ => None,
        }
    }

    /// What a program knows the error by, where its status alone doesn't say it.
    fn problem(&self) -> Option<Problem> {
        match self {
            Self::AddressTaken => Some(Problem { name: "address-taken", title: "The address is taken" }),
            Self::EmailUnconfirmed => {
                Some(Problem { name: "email-unconfirmed", title: "Confirm your email address" })
            }
            Self::CodeNeeded { .. } => Some(Problem { name: "mfa-required", title: "A code is needed" }),
            Self::PasskeyRefused(refusal) => {
                Some(Problem { name: refusal.name(), title: "The passkey is refused" })
            }
            Self::WrongCode => Some(Problem { name: "mfa-wrong-code", title: "The code is wrong" }),
            Self::SecondStepOver => Some(Problem { name: "mfa-over", title: "Sign in again" }),
            Self::PasswordNeeded => {
                Some(Problem { name: "password-needed", title: "Give the password again" })
            }
            Self::SecondFactorMissing => {
                Some(Problem { name: "second-factor-missing", title: "Set up a second factor first" })
            }
            _ => None,
        }
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
pub const WRONG_CODE: &str = "That code is wrong, or it was used before. Wait for the next one.";

/// What is said to somebody who has no second factor where the site requires one.
pub const SECOND_FACTOR_MISSING: &str = "This site requires a second factor of you. Set one up first, at /security in a browser; until then \
                                         nothing else can be done.";

/// What a registration says of an address that has an account.
pub const ADDRESS_TAKEN: &str =
    "An account with this address exists already. Sign in, or use another address.";

/// What is wrong with each field, for problem details; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct FieldProblems(pub BTreeMap<String, Vec<String>>);

/// Why a passkey is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyRefusal {
    /// What it says is not right, of another ceremony, too late, or was said before.
    Wrong,
    /// This site does not have it: it was removed, or never was of this account.
    Unknown,
    /// There are two of it.
    Cloned,
}

impl PasskeyRefusal {
    /// What people read.
    pub fn text(self) -> &'static str {
        match self {
            Self::Wrong => {
                "That did not work: what your passkey says came too late, was used before, or is not valid. Try again."
            }
            Self::Unknown => {
                "This site does not know that passkey: it was removed from your account. Use another one, or another way."
            }
            Self::Cloned => {
                "This passkey is refused: it seems to have been copied, and the copy was used. Use another way, and remove it."
            }
        }
    }

    /// What a program knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wrong => "passkey-wrong",
            Self::Unknown => "passkey-unknown",
            Self::Cloned => "passkey-cloned",
        }
    }
}

/// A sign-in that needs a second factor, for problem details; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct OpenSecondStep {
    /// Its state.
    pub state: String,
    /// What can be shown.
    pub methods: Vec<&'static str>,
}

/// What a program knows an error by (the `type` of RFC 9457); in the extensions of the response.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    /// Its name in the address of its description.
    pub name: &'static str,
    /// The same for people.
    pub title: &'static str,
}

/// The message that the error page shows instead of the status's default; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct Detail(pub String);

/// The link by which the user goes on from the error page; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct LinkOn {
    /// A path of this site.
    pub href: String,
    /// What the link says.
    pub label: String,
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::SignInFirst
            | Self::WrongCredentials
            | Self::CodeNeeded { .. }
            | Self::PasskeyRefused(_)
            | Self::WrongCode
            | Self::SecondStepOver => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_)
            | Self::PasswordNeeded
            | Self::SecondFactorMissing
            | Self::EmailUnconfirmed
            | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::OtherSession(_) | Self::AddressTaken => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Fields(_) | Self::WeakPassword(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Unavailable(_) | Self::KeyRotated | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Internal(_) | Self::Misconfigured { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Self::Throttled { wait, .. } = self {
            response.insert_header((header::RETRY_AFTER, wait.as_secs().to_string()));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        let mut response = response.finish();
        if let Some(text) = self.detail() {
            response.extensions_mut().insert(Detail(text.to_owned()));
        }
        if let Some(fields) = self.fields() {
            response.extensions_mut().insert(FieldProblems(fields));
        }
        if let Self::CodeNeeded { state, methods } = self {
            let step = OpenSecondStep { state: state.clone(), methods: methods.clone() };
            response.extensions_mut().insert(step);
        }
        if let Some(problem) = self.problem() {
            response.extensions_mut().insert(problem);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_variants_have_their_status() {
        for (error, status) in [
            (Error::BadRequest("x".into()), 400),
            (Error::SignInFirst, 401),
            (Error::WrongCredentials, 401),
            (Error::CodeNeeded { state: "x".into(), methods: vec!["totp"] }, 401),
            (Error::PasskeyRefused(PasskeyRefusal::Wrong), 401),
            (Error::WrongCode, 401),
            (Error::SecondStepOver, 401),
            (Error::Forbidden("x"), 403),
            (Error::PasswordNeeded, 403),
            (Error::SecondFactorMissing, 403),
            (Error::CrossOrigin, 403),
            (Error::NotFound, 404),
            (Error::OtherSession("x".into()), 409),
            (Error::AddressTaken, 409),
            (Error::EmailUnconfirmed, 403),
            (Error::TooLarge, 413),
            (Error::UnsupportedMediaType, 415),
            (Error::NotJson, 415),
            (Error::Misdirected, 421),
            (Error::Fields(BTreeMap::new()), 422),
            (Error::WeakPassword("x".into()), 422),
            (Error::Throttled { wait: Duration::from_secs(7), text: "x".into() }, 429),
            (Error::HeadersTooLarge, 431),
            (Error::bug("x"), 500),
            (Error::Database(diesel::result::Error::RollbackTransaction), 500),
            (Error::unavailable("x"), 503),
            (Error::KeyRotated, 503),
            (Error::Busy, 503),
        ] {
            assert_eq!(error.status_code().as_u16(), status, "{error:?}");
            let retry = error.error_response().headers().contains_key(header::RETRY_AFTER);
            assert_eq!(retry, matches!(status, 429 | 503), "{error:?}");
        }
    }

    #[test]
    fn error_display_hides_causes() {
        let error = Error::unavailable("connection refused by 10.0.0.7");
        assert!(error.causes().contains("10.0.0.7"));
        assert!(!error.to_string().contains("10.0.0.7"));
    }
}
