//! The registration of a session's key, which binds nothing yet: the browser may give the key up after the answer (it is lost, or the site's
//! apex does not let this host bind sessions of all), and would then be signed out by what it can't prove. Its first proof binds.

use actix_web::{HttpResponse, cookie::Cookie, http::header::HeaderValue};

use super::{
    challenge::{Challenge, Purpose},
    cookie, instructions, offer,
    proof::Proof,
};
use crate::{
    config::{Binding, Config},
    error::Error,
    security::binding::CHALLENGE,
    sessions::{
        catalogue::device_keys::{self, NewDeviceKey},
        request::current::CurrentUser,
        service::Sessions,
    },
    web::cookies,
};

impl Sessions {
    /// Registers the key that the browser of a request's session proves to have.
    ///
    /// # Errors
    /// [`Error::BadRequest`] for what is no proof with a key; [`Error::Forbidden`] for a proof that is not one for this session, and where
    /// the session has a key already; [`Error::Unavailable`] when the database can't be written. Then nothing has changed.
    pub async fn register_key(
        &self,
        config: &Config,
        user: &CurrentUser,
        token: &str,
    ) -> Result<HttpResponse, Error> {
        let registered = self.check_registration(config, user, token).await;
        self.metrics.count_registration(registered.is_ok());
        registered
    }

    async fn check_registration(
        &self,
        config: &Config,
        user: &CurrentUser,
        token: &str,
    ) -> Result<HttpResponse, Error> {
        let binding = config.session.binding.as_ref().ok_or(OFF)?;
        let session = user.session.id.clone();
        let proof = Proof::read(token).ok_or_else(malformed)?;
        let key = proof.key.as_ref().ok_or_else(malformed)?;
        let challenge = Challenge::open(&proof.challenge, &config.session.secret);
        let is_for_this = |challenge: &Challenge| {
            challenge.purpose == Purpose::Register
                && challenge.session == session
                && challenge.is_younger_than(offer::LIFETIME)
                && !challenge.is_of_the_future()
        };
        let challenge = challenge.filter(is_for_this).ok_or(OTHER_CHALLENGE)?;
        if proof.authorization.as_deref() != Some(session.as_str()) || !proof.is_signed_by(key) {
            return Err(NOT_SIGNED);
        }
        let new = NewDeviceKey {
            session: session.clone(),
            public_key: key.to_text(),
            challenge: challenge.made_at,
        };
        if !self.db.transaction(move |conn| device_keys::insert(conn, &new)).await? {
            return Err(BOUND_ALREADY);
        }
        answer(config, binding, &session, challenge.made_at, cookie::first(config, &session))
    }
}

/// The answer to a browser that has proven the challenge that was made then: the cookie, the next challenge, and what to do with both.
pub(super) fn answer(
    config: &Config,
    binding: &Binding,
    session: &str,
    made_at: i64,
    cookie: Cookie<'static>,
) -> Result<HttpResponse, Error> {
    let next = next_challenge(config, session, made_at)?;
    let mut response = HttpResponse::Ok().json(instructions::instructions(config, binding, session));
    response.headers_mut().insert(CHALLENGE, next);
    cookies::append(response.headers_mut(), &cookie);
    Ok(response)
}

/// The header with a challenge that is newer than the one that was proven last.
pub(super) fn next_challenge(config: &Config, session: &str, last: i64) -> Result<HeaderValue, Error> {
    let challenge = Challenge::after(session, last).seal(&config.session.secret)?;
    instructions::challenge_header(session, &challenge)
}

const OFF: Error = Error::Forbidden("Sessions are not bound to devices here.");
const OTHER_CHALLENGE: Error = Error::Forbidden(
    "The challenge is not one for this session, or it is too old. The session stays as it is.",
);
const NOT_SIGNED: Error =
    Error::Forbidden("The proof was not signed with the key in it. The session stays as it is.");
const BOUND_ALREADY: Error = Error::Forbidden("This session has a key already, or has ended.");

fn malformed() -> Error {
    let text = "Secure-Session-Response has to hold one proof: a token with alg ES256, typ dbsc+jwt and a P-256 key.";
    Error::BadRequest(text.to_owned())
}
