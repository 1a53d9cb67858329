//! `/sessions`: one's own devices.

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
pub struct SessionCard {
    pub id: String,
    pub device: String,
    pub kind: &'static str,
    pub ip: String,
    pub current: bool,
    pub remembered: bool,
    pub signed_in: Moment,
    pub last_seen: Moment,
    pub active_now: bool,
    pub expires: Moment,
    pub ends_soon: bool,
}

impl SessionCard {
    fn new(session: ListedSession, current: &str) -> Self {
        let current = session.id == current;
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

/// `POST /sessions/{id}/end`: one of one's own; anybody else's is not found.
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

/// `POST /sessions/end-others`: also a sign-in that is under way gives no session.
pub async fn end_others(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let ended = accounts.end_other_sessions(&req, &user, client).await?;
    Ok(see_other("/sessions", Flash::OthersEnded(ended)))
}
