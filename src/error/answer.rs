//! What is answered to each error: its HTTP status, and what a page or a program is told.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};

use super::{
    ADDRESS_TAKEN, Error, SECOND_FACTOR_MISSING, WRONG_CODE, WRONG_CREDENTIALS,
    parts::{Detail, FieldProblems, OpenSecondStep, Problem},
};

impl Error {
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
            Self::ProofSkipped => Some(
                "Your browser could not show just now that it is the one in which you signed in. Try again in a moment; you are still signed in.",
            ),
            Self::TookTooLong => Some(
                "This takes too long to wait for, and may be done all the same. Look before you send it again.",
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
            Self::Unavailable(_) | Self::KeyRotated | Self::ProofSkipped | Self::Busy | Self::TookTooLong => {
                StatusCode::SERVICE_UNAVAILABLE
            }
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
    use std::time::Duration;

    use super::*;
    use crate::error::PasskeyRefusal;

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
            (Error::ProofSkipped, 503),
            (Error::Busy, 503),
            (Error::TookTooLong, 503),
        ] {
            assert_eq!(error.status_code().as_u16(), status, "{error:?}");
            let retry = error.error_response().headers().contains_key(header::RETRY_AFTER);
            assert_eq!(retry, matches!(status, 429 | 503), "{error:?}");
        }
    }
}
