//! `/sessions`: the signed-in user's active sessions, and ending them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use crate::{
    accounts::{changes::OwnEnd, service::Accounts},
    error::Error,
    layout::{Flash, Layout, SessionFacts, see_other},
    security::Client,
    sessions::{CurrentUser, Sessions, catalogue::list::ListedSession},
    web::{Moment, html},
};

#[derive(Template)]
#[template(path = "accounts/sessions.html")]
struct MySessionsPage {
    layout: Layout,
    sessions: Vec<SessionCard>,
}

/// A session as its user sees it.
struct SessionCard {
    /// The public session id.
    id: String,
    /// "Firefox 140 on Linux"
    device: String,
    /// The name of the device's kind, for its icon.
    kind: &'static str,
    ip: String,
    /// Whether it is the session that requests the page.
    current: bool,
    /// Whether it was started with "remember me".
    remembered: bool,
    signed_in: Moment,
    last_seen: Moment,
    active_now: bool,
    /// When it expires unless it is used.
    expires: Moment,
    ends_soon: bool,
}

impl SessionCard {
    fn new(session: ListedSession, current_id: &str) -> Self {
        let current = session.id == current_id;
        let facts = SessionFacts::of(&session, current);
        Self {
            id: session.id,
            device: facts.device,
            kind: facts.kind,
            ip: session.ip,
            current,
            remembered: session.remembered,
            signed_in: facts.signed_in,
            last_seen: facts.last_seen,
            active_now: facts.active_now,
            expires: facts.expires,
            ends_soon: facts.ends_soon,
        }
    }
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
    let mut sessions: Vec<SessionCard> =
        listed.into_iter().map(|session| SessionCard::new(session, &user.session.id)).collect();
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
