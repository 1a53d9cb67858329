//! `/admin/sessions/{id}`: one session with every fact, and its end.

use actix_session::SessionExt as _;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::list::AdminSessionRow;
use crate::{
    accounts::{Accounts, Actor},
    admin::{
        events::rows::{EventRow, People, event_rows},
        forms::EndSessionsForm,
    },
    clock::now,
    db::Db,
    error::Error,
    events::log,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::{Administrator, EndReason, EndRequest, Sessions, Target, catalogue::list::ListedSession},
    web::{FieldErrors, Form, Moment, html},
};

const EVENTS: i64 = 100;

#[derive(Template)]
#[template(path = "admin/sessions/one.html")]
struct AdminSessionPage {
    layout: Layout,
    row: AdminSessionRow,
    user_agent: String,
    ended: Option<EndedFacts>,
    idle_left: Option<Moment>,
    absolute_end: Moment,
    state_json: Option<String>,
    events: Vec<EventRow>,
    reason: String,
    errors: FieldErrors,
}

/// How a session ended.
struct EndedFacts {
    at: Moment,
    why: String,
    by: Option<String>,
    note: Option<String>,
}

/// `GET /admin/sessions/{id}`
pub async fn show(
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
    layout: Layout,
    admin: Administrator,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let page = AdminSessionPage::read(&db, &sessions, layout, &admin, id.into_inner()).await?;
    Ok(html(StatusCode::OK, &page))
}

/// What every answer about one session needs of the application and the request.
type Parts = (web::Data<Accounts>, web::Data<Db>, web::Data<Sessions>, Layout, Administrator, Client);

/// `POST /admin/sessions/{id}/end`
pub async fn end(
    req: HttpRequest,
    parts: Parts,
    id: web::Path<String>,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    let (accounts, db, sessions, layout, admin, client) = parts;
    let id = id.into_inner();
    let Form { values, errors } = form;
    accounts.check_actor(Actor::administrator(&admin, client.clone())).await?;
    if !errors.is_empty() {
        let page = AdminSessionPage::read(&db, &sessions, layout, &admin, id).await?;
        let page = AdminSessionPage { reason: values.reason, errors, ..page };
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    sessions.one(id.clone()).await?;
    let is_own = id == admin.session.id;
    let request = EndRequest {
        reason: EndReason::EndedByAdmin,
        by: Some(admin.id),
        note: values.note(),
        client: Some(client),
    };
    let outcome = sessions.end(Target::Ids(vec![id]), request).await?;
    if is_own {
        req.get_session().purge();
        return Ok(see_other("/", Flash::SignedOut));
    }
    Ok(see_other("/admin/sessions", Flash::ended(outcome)))
}

impl AdminSessionPage {
    async fn read(
        db: &Db,
        sessions: &Sessions,
        layout: Layout,
        admin: &Administrator,
        id: String,
    ) -> Result<Self, Error> {
        let session = sessions.one(id).await?;
        let state_json = match session.ended_at {
            None => sessions.stored_state(&session).await?.map(|text| readable(&text)),
            Some(_) => None,
        };
        let (user, asked, by) = (session.user_id, session.id.clone(), session.ended_by);
        let read = move |conn: &mut _| {
            let events = log::of_session(conn, user, &asked, EVENTS)?;
            Ok((event_rows(conn, events)?, People::find(conn, by)?.get(by)))
        };
        let (events, by) = db.run(read).await?;
        let by = by.map(|person| person.to_string());
        Ok(Self {
            layout,
            row: AdminSessionRow::new(&session, &admin.session.id),
            user_agent: session.user_agent.clone(),
            idle_left: (session.ended_at.is_none() && session.expires_at > now())
                .then(|| Moment::new(session.expires_at)),
            absolute_end: Moment::new(session.absolute_expires_at),
            ended: EndedFacts::of(&session, by),
            state_json,
            events,
            reason: String::new(),
            errors: FieldErrors::default(),
        })
    }
}

impl EndedFacts {
    fn of(session: &ListedSession, by: Option<String>) -> Option<Self> {
        Some(Self {
            at: Moment::new(session.ended_at?),
            why: session.end_reason.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            by,
            note: session.end_note.clone(),
        })
    }
}

/// The stored state with its values unwrapped: they are JSON texts inside JSON.
fn readable(text: &str) -> String {
    let Ok(state) = serde_json::from_str::<std::collections::BTreeMap<String, String>>(text) else {
        return text.to_owned();
    };
    let values: serde_json::Map<String, serde_json::Value> = state
        .into_iter()
        .map(|(name, value)| (name, serde_json::from_str(&value).unwrap_or(value.into())))
        .collect();
    serde_json::to_string_pretty(&values).unwrap_or_else(|_| text.to_owned())
}
