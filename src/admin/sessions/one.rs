//! `/admin/sessions/{id}`: one session with its events, and the form that ends it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::row::AdminSessionRow;
use crate::{
    accounts::{Accounts, Actor, pages::signed_out::signed_out},
    admin::{
        events::rows::{self, EventRow},
        forms::{BackQuery, EndSessionsForm, WHOLE_LIST},
    },
    clock::now,
    db::Db,
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::{Administrator, Sessions, catalogue::list::ListedSession},
    text::{NOT_VISIBLE, shown},
    web::{FieldErrors, Form, Moment, Query, html},
};

/// The newest events that the page shows.
const MAX_EVENTS: i64 = 100;

#[derive(Template)]
#[template(path = "admin/sessions/one.html")]
struct AdminSessionPage {
    layout: Layout,
    row: AdminSessionRow,
    user_agent: String,
    /// The sites with cookies of their own at which it is used, or was, and since when.
    sites: Vec<(String, Moment)>,
    ended: Option<EndedFacts>,
    /// When the session ends unless it is used; `None`: it has ended or expired.
    idle_end: Option<Moment>,
    absolute_end: Moment,
    /// The key that binds the session to its device, if it is bound.
    key: Option<KeyFacts>,
    /// What the store holds; `None`: the session has ended, or the store has no entry.
    state_json: Option<String>,
    events: Vec<EventRow>,
    form: EndSessionsForm,
    errors: FieldErrors,
    /// The list that the page was opened from.
    back: String,
    /// Whether that is the whole list of active sessions.
    back_to_all: bool,
}

/// The key of a session that is bound to its device.
struct KeyFacts {
    made: Moment,
    /// When the browser has last shown that it has the key.
    proven: Moment,
}

/// How a session ended.
struct EndedFacts {
    at: Moment,
    reason: String,
    /// Name and address of the user who ended it; `None`: the system.
    by: Option<String>,
    message: Option<String>,
    note: Option<String>,
}

/// `GET /admin/sessions/{id}`
///
/// # Errors
/// [`Error::NotFound`] when there is no such session; [`Error::Unavailable`] when store or database can't be read.
pub async fn show(
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
    layout: Layout,
    admin: Administrator,
    id: web::Path<String>,
    query: Query<BackQuery>,
) -> Result<HttpResponse, Error> {
    let back = query.into_inner().page();
    let page = AdminSessionPage::read(&db, &sessions, layout, &admin, id.into_inner(), back).await?;
    Ok(html(StatusCode::OK, &page))
}

/// What every response about one session needs of the application and the request.
type Parts = (web::Data<Accounts>, web::Data<Db>, web::Data<Sessions>, Layout, Administrator, Client);

/// `POST /admin/sessions/{id}/end`
///
/// # Errors
/// As [`Accounts::check_actor`] and [`Accounts::end_session`], and as [`show`].
pub async fn end(
    req: HttpRequest,
    parts: Parts,
    id: web::Path<String>,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    let (accounts, db, sessions, layout, admin, client) = parts;
    let id = id.into_inner();
    let Form { values, errors } = form;
    let actor = Actor::administrator(&admin, client);
    if !errors.is_empty() {
        accounts.check_actor(actor).await?;
        let page = AdminSessionPage::read(&db, &sessions, layout, &admin, id, values.back()).await?;
        let page = AdminSessionPage { form: values, errors, ..page };
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let is_own = id == admin.session.id;
    let outcome = accounts.end_session(id, values.remarks(), actor).await?;
    if is_own {
        return Ok(signed_out(&req, "/", Flash::SignedOut));
    }
    Ok(see_other(&values.back(), Flash::ended(outcome)))
}

impl AdminSessionPage {
    async fn read(
        db: &Db,
        sessions: &Sessions,
        layout: Layout,
        admin: &Administrator,
        id: String,
        back: String,
    ) -> Result<Self, Error> {
        let session = sessions.one(id).await?;
        let state_json = match session.ended_at {
            None => sessions.stored_state(&session).await?.map(|text| readable_state(&text)),
            Some(_) => None,
        };
        let uses = sessions.sites_of(vec![session.id.clone()]).await?;
        // A key that was registered and never used binds nothing.
        let key = match session.bound_at {
            Some(_) => sessions.key_times(session.id.clone()).await?,
            None => None,
        };
        let history = rows::of_session(db, &session, MAX_EVENTS).await?;
        let ended_by = history.ended_by.map(|user| user.to_string());
        Ok(Self {
            layout,
            row: AdminSessionRow::new(&session, &admin.session.id),
            user_agent: session.user_agent.clone(),
            sites: uses.into_iter().map(|found| (found.site, Moment::new(found.since))).collect(),
            idle_end: (session.ended_at.is_none() && session.expires_at > now())
                .then(|| Moment::new(session.expires_at)),
            absolute_end: Moment::new(session.absolute_expires_at),
            ended: EndedFacts::of(&session, ended_by),
            key: key.map(|(made, proven)| KeyFacts { made: Moment::new(made), proven: Moment::new(proven) }),
            state_json,
            events: history.events,
            form: EndSessionsForm::default(),
            errors: FieldErrors::default(),
            back_to_all: back == WHOLE_LIST,
            back,
        })
    }
}

impl EndedFacts {
    fn of(session: &ListedSession, ended_by: Option<String>) -> Option<Self> {
        Some(Self {
            at: Moment::new(session.ended_at?),
            reason: session.end_reason.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            by: ended_by,
            message: visible(session.end_message.as_deref()),
            note: visible(session.end_note.as_deref()),
        })
    }
}

/// The stored state with its values parsed: they are JSON texts inside JSON.
fn readable_state(text: &str) -> String {
    let Ok(state) = serde_json::from_str::<std::collections::BTreeMap<String, String>>(text) else {
        return text.to_owned();
    };
    let values: serde_json::Map<String, serde_json::Value> = state
        .into_iter()
        .map(|(name, value)| (name, serde_json::from_str(&value).unwrap_or(value.into())))
        .collect();
    serde_json::to_string_pretty(&values).unwrap_or_else(|_| text.to_owned())
}

/// What an administrator wrote, as it can be shown.
fn visible(text: Option<&str>) -> Option<String> {
    text.map(|text| shown(text, NOT_VISIBLE))
}
