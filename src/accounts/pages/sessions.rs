//! `/sessions`: one's own devices.

use actix_session::SessionExt as _;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use crate::{
    app::Site,
    db::now,
    error::Error,
    layout::Layout,
    security::Client,
    sessions::{
        CurrentUser, EndReason, Ending, Ends, Which,
        catalogue::{
            device,
            list::{self, Listed},
            rows,
        },
    },
    users::User,
    web::{Flash, Moment, html, see_other},
};

/// Seen within this long counts as active now.
const ACTIVE_NOW: time::Duration = time::Duration::minutes(5);

/// Ends within this long counts as ending soon.
const ENDS_SOON: time::Duration = time::Duration::minutes(15);

#[derive(Template)]
#[template(path = "sessions/mine.html")]
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

/// What lists of either kind show of a session's device and times.
pub struct Facts {
    pub device: String,
    pub kind: &'static str,
    pub signed_in: Moment,
    pub last_seen: Moment,
    pub active_now: bool,
    pub expires: Moment,
    pub ends_soon: bool,
}

impl Facts {
    /// The facts as of now. The session that asks is active now, whatever the catalogue has heard.
    pub fn of(session: &Listed, asking: bool) -> Self {
        let at = now();
        let last_seen = if asking { at } else { session.last_seen_at };
        Self {
            device: device::describe(&session.browser, &session.browser_version, &session.os),
            kind: match session.device.as_str() {
                "desktop" => "desktop",
                "phone" => "phone",
                "tablet" => "tablet",
                "tool" => "tool",
                _ => "unknown",
            },
            signed_in: Moment::new(session.created_at),
            last_seen: Moment::new(last_seen),
            active_now: session.ended_at.is_none() && at - last_seen < ACTIVE_NOW,
            expires: Moment::new(session.expires_at),
            ends_soon: session.expires_at - at < ENDS_SOON,
        }
    }
}

impl SessionCard {
    fn new(session: Listed, current: &str) -> Self {
        let current = session.id == current;
        let facts = Facts::of(&session, current);
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
pub async fn show(site: web::Data<Site>, layout: Layout, user: CurrentUser) -> Result<HttpResponse, Error> {
    let listed = site.db.run(move |conn| list::of_user(conn, user.id)).await?;
    let listed = site.sessions.confirm(listed).await?;
    let mut sessions: Vec<SessionCard> =
        listed.into_iter().map(|session| SessionCard::new(session, &user.session.id)).collect();
    sessions.sort_by_key(|session| !session.current);
    Ok(html(StatusCode::OK, &MySessionsPage { layout, sessions }))
}

/// `POST /sessions/{id}/end`: one of one's own; anybody else's is not found.
pub async fn end(
    req: HttpRequest,
    site: web::Data<Site>,
    user: CurrentUser,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let asked = id.clone();
    let session = site.db.run(move |conn| list::by_id(conn, &asked)).await?;
    if session.user_id != user.id {
        return Err(Error::NotFound);
    }
    let this_one = id == user.session.id;
    let reason = if this_one { EndReason::Logout } else { EndReason::EndedByUser };
    let ending = Ending { reason, by: Some(user.id), note: None, client: Some(client) };
    let ends = site.sessions.end(Which::OneOf { user: user.id, id }, ending).await?;
    if this_one {
        req.get_session().purge();
        return Ok(see_other(&site.config, "/", Some(Flash::SignedOut)));
    }
    Ok(see_other(&site.config, "/sessions", Some(Flash::ended(ends))))
}

/// `POST /sessions/end-others`: also a sign-in that is under way gives no session.
pub async fn end_others(
    req: HttpRequest,
    site: web::Data<Site>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let ending =
        Ending { reason: EndReason::EndedByUser, by: Some(user.id), note: None, client: Some(client) };
    let in_store = site.sessions.has_entries();
    let (epoch, ended) = site
        .db
        .transaction(move |conn| {
            let epoch = User::raise_epoch(conn, user.id)?;
            if !rows::is_live(conn, &user.session.id)? {
                return Err(Error::SignInFirst);
            }
            let which = Which::AllBut { user: user.id, keep: user.session.id };
            Ok((epoch, rows::end(conn, &which, &ending, in_store)?))
        })
        .await?;
    let ends = Ends { count: ended.len(), confirmed: site.sessions.forget(&ended).await };
    site.sessions.keep(&req, epoch)?;
    Ok(see_other(&site.config, "/sessions", Some(Flash::OthersEnded(ends))))
}
