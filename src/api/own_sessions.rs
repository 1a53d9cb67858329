//! `/auth/sessions` and `/auth/rotate-session`: the sessions of whoever is signed in.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Json, Path},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    answers::{Problem, Rotated, Session, SessionList},
    body::{Body, refused},
    fields::{Confirmation, NoFields},
};
use crate::{
    accounts::{Accounts, OwnEnd, Proof},
    error::Error,
    security::Client,
    sessions::{CurrentUser, Sessions, came_by_bearer, catalogue::cursor::Cursor, clear_site_data},
    web::{FieldErrors, NO_SUCH_PAGE, Query},
};

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// Where the page starts: `next` of the page before.
    #[param(required = false, pattern = r"^([0-9]{1,17}\.[A-Za-z0-9_-]{1,64})?$")]
    after: String,
}

/// `GET /auth/sessions`
///
/// # Errors
/// As [`Accounts::own_sessions`].
#[utoipa::path(
    get, path = "/auth/sessions", tag = "Sessions", summary = "The own sessions",
    description = "All active sessions of whoever is signed in, with their devices.",
    params(After),
    responses(
        (status = 200, description = "A page of the sessions.", body = SessionList),
        (status = 422, description = "`after` is not the `next` of a page.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    user: CurrentUser,
    query: Query<After>,
) -> Result<Json<SessionList>, Error> {
    let cursor = Cursor::parse(&query.after);
    if cursor.is_none() && !query.after.is_empty() {
        return Err(mistake("after", NO_SUCH_PAGE));
    }
    let page = accounts.own_sessions(&user, cursor.as_ref()).await?;
    let uses = accounts.sites_of(&page.rows).await?;
    Ok(Json(SessionList {
        sessions: page.rows.iter().map(|session| Session::of(&sessions, session, &user, &uses)).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// `DELETE /auth/sessions/{id}`
///
/// # Errors
/// As [`Accounts::end_own_session`]; [`Error::PasswordNeeded`] when the password was last given too long ago.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "Sessions", summary = "End one session",
    description = "Ends one of the own sessions; that of the request is signed out. Another one needs the password, if it was last given too long ago.",
    params(("id" = String, Path, description = "The public id of the session.")),
    request_body(content((Confirmation = "application/json"), (Confirmation = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "The session has ended."),
        (status = 403, description = "The password is needed once more, or the request came from another site.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session of this account.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The password is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn end(
    req: HttpRequest,
    accounts: Data<Accounts>,
    user: CurrentUser,
    client: Client,
    id: Path<String>,
    body: Body<Confirmation>,
) -> Result<HttpResponse, Error> {
    let sent = body.valid()?;
    let id = id.into_inner();
    if id != user.session.id {
        confirm(&accounts, &user, sent, &client).await?;
    }
    if accounts.end_own_session(&req, &user, id, client).await? == OwnEnd::SignedOut {
        clear_site_data();
    }
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// `DELETE /auth/sessions`
///
/// # Errors
/// As [`Accounts::end_other_sessions`]; [`Error::PasswordNeeded`] when the password was last given too long ago.
#[utoipa::path(
    delete, path = "/auth/sessions", tag = "Sessions", summary = "End all other sessions",
    description = "Ends all own sessions but that of the request. Needs the password, if it was last given too long ago.",
    request_body(content((Confirmation = "application/json"), (Confirmation = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "The others have ended."),
        (status = 403, description = "The password is needed once more, or the request came from another site.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The password is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn end_others(
    req: HttpRequest,
    accounts: Data<Accounts>,
    user: CurrentUser,
    client: Client,
    body: Body<Confirmation>,
) -> Result<HttpResponse, Error> {
    confirm(&accounts, &user, body.valid()?, &client).await?;
    accounts.end_other_sessions(&req, &user, client).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// Checks that the password was given recently, or is given now.
async fn confirm(
    accounts: &Accounts,
    user: &CurrentUser,
    sent: Confirmation,
    client: &Client,
) -> Result<(), Error> {
    if user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return Ok(());
    }
    if sent.confirm_password.is_empty() {
        return Err(Error::PasswordNeeded);
    }
    let proof = Proof { password: sent.confirm_password, code: sent.confirm_code };
    match accounts.password_again(user, proof, client).await? {
        Some(_) => accounts.record_password_given(user, client).await,
        None if user.second_factor => Err(mistake("confirm_password", "Password or confirm_code is wrong.")),
        None => Err(mistake("confirm_password", "That is not your password.")),
    }
}

/// The error for one field.
pub(super) fn mistake(field: &str, message: &str) -> Error {
    let mut errors = FieldErrors::default();
    errors.add(field, message);
    refused(&errors)
}

/// `POST /auth/rotate-session`
///
/// # Errors
/// As [`Sessions::rotate_now`].
#[utoipa::path(
    post, path = "/auth/rotate-session", tag = "Sessions", summary = "Replace the key",
    description = "Gives the session a new key, as a cookie or, for a request with a token, as a new token. The old one is refused from now on; the session and its id stay.",
    responses((status = 200, description = "The session has a new key.", body = Rotated)),
)]
pub async fn rotate(
    req: HttpRequest,
    sessions: Data<Sessions>,
    user: CurrentUser,
    body: Body<NoFields>,
) -> Result<Json<Rotated>, Error> {
    body.valid()?;
    sessions.rotate_now(&req).await?;
    let token = if came_by_bearer() { Some(sessions.new_token(&req)?) } else { None };
    Ok(Json(Rotated { message: "The session has a new key.", session_id: user.session.id, token }))
}
