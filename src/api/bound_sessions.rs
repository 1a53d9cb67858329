//! What browsers send by themselves for sessions that are bound to their device (Device Bound Session Credentials).
//!
//! The statuses are those that browsers go by. At the refresh 403 with a challenge asks for a proof, and 5xx is tried again; any other
//! refusal makes a browser give its key up, and with it the session.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderValue, RETRY_AFTER},
    web::Data,
};

use crate::{
    accounts::Accounts,
    config::Config,
    error::Error,
    security::{
        Client,
        binding::{self, CHALLENGE},
        refusal,
    },
    sessions::{CurrentUser, Refresh, SentProof, Sessions, over},
};

/// `POST /session/bind`: registers the key of the browser's session, which its first proof binds to it. It is tried once: whatever goes
/// wrong, the session goes on unbound.
///
/// # Errors
/// [`Error::BadRequest`] for what is no proof; [`Error::Forbidden`] without a session, and for a proof that is not one for it;
/// [`Error::Unavailable`] when a store can't be reached.
pub async fn bind(
    req: HttpRequest,
    config: Data<Config>,
    sessions: Data<Sessions>,
) -> Result<HttpResponse, Error> {
    let token = binding::proof(req.headers()).ok_or_else(|| {
        Error::BadRequest("A browser that registers a key sends one Secure-Session-Response.".to_owned())
    })?;
    let user = CurrentUser::find(&req).await?;
    let user = user.ok_or(Error::Forbidden("There is no session here to be bound."))?;
    sessions.register_key(&config, &user, token).await
}

/// `POST /session/refresh`: renews the cookie of a bound session whose browser proves that it has the key.
///
/// # Errors
/// [`Error::BadRequest`] from who is no browser; [`Error::Unavailable`] when a store can't be reached.
pub async fn refresh(
    req: HttpRequest,
    config: Data<Config>,
    sessions: Data<Sessions>,
    accounts: Data<Accounts>,
    client: Client,
) -> Result<HttpResponse, Error> {
    let headers = req.headers();
    let id = binding::session_id(headers).ok_or_else(|| {
        Error::BadRequest("A browser that renews a session names it in Sec-Secure-Session-Id.".to_owned())
    })?;
    let sent = match binding::proof(headers) {
        Some(token) => SentProof::Token(token),
        None if binding::has_proof(headers) => SentProof::Unreadable,
        None => SentProof::None,
    };
    Ok(match sessions.refresh(&config, id, sent, &client).await? {
        Refresh::Proven(response) => response,
        Refresh::Prove(challenge) => prove(challenge),
        Refresh::Refused(challenge) => match count_refused(&req, &accounts, &client).await {
            Ok(()) => prove(challenge),
            Err(wait) => later(wait),
        },
        Refresh::Over => HttpResponse::Ok().json(over(id)),
    })
}

fn prove(challenge: HeaderValue) -> HttpResponse {
    HttpResponse::Forbidden().insert_header((CHALLENGE, challenge)).finish()
}

fn later(wait: Duration) -> HttpResponse {
    HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, wait.as_secs())).finish()
}

/// Counts a proof that the session's key has not signed. One that it has is taken however many others come from that network.
///
/// # Errors
/// How long to wait, when there were too many.
async fn count_refused(req: &HttpRequest, accounts: &Accounts, client: &Client) -> Result<(), Duration> {
    let attempt = match accounts.throttle().proof(client).await {
        Ok(attempt) => attempt,
        Err(Error::Throttled { wait, .. }) => return Err(wait),
        Err(_) => return Ok(()),
    };
    let detail = attempt.failed().await;
    let detail = detail.as_deref().unwrap_or("a proof that the key of its session has not signed");
    refusal::log(req, "device_proof_refused", None, detail);
    Ok(())
}
