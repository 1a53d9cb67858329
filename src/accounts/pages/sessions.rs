//! `/sessions`: the signed-in user's active sessions, and ending them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use crate::{
    accounts::{changes::OwnEnd, service::Accounts},
    error::Error,
    layout::{Flash, Layout, SessionFacts, see_other},
    security::Client,
    sessions::{CurrentUser, Sessions},
    web::html,
};

#[derive(Template)]
#[template(path = "accounts/sessions.html")]
struct MySessionsPage {
    layout: Layout,
    sessions: Vec<SessionFacts>,
}

/// `GET /sessions`
///
/// # Errors
/// [`Error::Unavailable`] when store or database can't be read.
pub async fn show(
    sessions: web::Data<Sessions>,
    layout: Layout,
    user: CurrentUser,
) -> Result<HttpResponse, Error> {
    let listed = sessions.of_user(user.id).await?;
    let mut sessions: Vec<SessionFacts> =
        listed.iter().map(|session| SessionFacts::of(session, &user.session.id)).collect();
    sessions.sort_by_key(|session| !session.current);
    Ok(html(StatusCode::OK, &MySessionsPage { layout, sessions }))
}

/// `POST /sessions/{id}/end`: ends one of the user's own sessions; another user's is not found.
///
/// # Errors
/// As [`Accounts::end_own_session`].
pub async fn end(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    match accounts.end_own_session(&req, &user, id.into_inner(), client).await? {
        OwnEnd::SignedOut => Ok(see_other("/", Flash::SignedOut)),
        OwnEnd::Other(outcome) => Ok(see_other("/sessions", Flash::ended(outcome))),
    }
}

/// `POST /sessions/end-others`: ends the user's other sessions; a sign-in in progress starts no session either.
///
/// # Errors
/// As [`Accounts::end_other_sessions`].
pub async fn end_others(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let ended = accounts.end_other_sessions(&req, &user, client).await?;
    Ok(see_other("/sessions", Flash::OthersEnded(ended)))
}
