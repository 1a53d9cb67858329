//! `/admin/sessions/{id}`: one session with every fact, and its end.

use actix_session::SessionExt as _;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::list::AdminSessionRow;
use crate::{
    admin::{
        events::rows::{EventRow, People, event_rows},
        forms::EndSessionsForm,
    },
    app::Site,
    db::now,
    error::Error,
    events,
    layout::Layout,
    security::Client,
    sessions::{
        Administrator, EndReason, Ending, Which,
        catalogue::{
            list::{self, Listed},
            rows,
        },
    },
    web::{FieldErrors, Flash, Form, Moment, html, see_other},
};

const EVENTS: i64 = 100;

#[derive(Template)]
#[template(path = "admin/session.html")]
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
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let page = page(&site, layout, &admin, id.into_inner(), String::new(), FieldErrors::default()).await?;
    Ok(html(StatusCode::OK, &page))
}

/// `POST /admin/sessions/{id}/end`
pub async fn end(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    id: web::Path<String>,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let Form { values, errors } = form;
    let (asked, by) = (id.clone(), admin.session.id.clone());
    let look = move |conn: &mut _| {
        rows::check_administrator(conn, &by)?;
        list::by_id(conn, &asked)
    };
    site.db.run(look).await?;
    if !errors.is_empty() {
        let page = page(&site, layout, &admin, id, values.reason, errors).await?;
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let own = id == admin.session.id;
    let ending = Ending {
        reason: EndReason::EndedByAdmin,
        by: Some(admin.id),
        note: values.note(),
        client: Some(client),
    };
    let ends = site.sessions.end(Which::Ids(vec![id]), ending).await?;
    if own {
        req.get_session().purge();
        return Ok(see_other(&site.config, "/", Some(Flash::SignedOut)));
    }
    Ok(see_other(&site.config, "/admin/sessions", Some(Flash::ended(ends))))
}

async fn page(
    site: &Site,
    layout: Layout,
    admin: &Administrator,
    id: String,
    reason: String,
    errors: FieldErrors,
) -> Result<AdminSessionPage, Error> {
    let found = site.db.run(move |conn| list::by_id(conn, &id)).await?;
    let session = if found.ended_at.is_none() && found.store_key.is_some() {
        let id = found.id.clone();
        match site.sessions.confirm(vec![found]).await?.pop() {
            Some(session) => session,
            None => site.db.run(move |conn| list::by_id(conn, &id)).await?,
        }
    } else {
        found
    };
    let state_json = match session.ended_at {
        None => site.sessions.stored_state(&session).await?.map(|text| readable(&text)),
        Some(_) => None,
    };
    let (user, asked, by) = (session.user_id, session.id.clone(), session.ended_by);
    let (events, by) = site
        .db
        .run(move |conn| {
            let events = events::of_session(conn, user, &asked, EVENTS)?;
            Ok((event_rows(conn, events)?, People::find(conn, by)?.get(by)))
        })
        .await?;
    let by = by.map(|person| person.to_string());
    let ended = session.ended_at.map(|at| ended_facts(&session, at, by));
    Ok(AdminSessionPage {
        layout,
        row: AdminSessionRow::new(&session, &admin.session.id),
        user_agent: session.user_agent.clone(),
        idle_left: (session.ended_at.is_none() && session.expires_at > now())
            .then(|| Moment::new(session.expires_at)),
        absolute_end: Moment::new(session.absolute_expires_at),
        ended,
        state_json,
        events,
        reason,
        errors,
    })
}

fn ended_facts(session: &Listed, at: time::PrimitiveDateTime, by: Option<String>) -> EndedFacts {
    EndedFacts {
        at: Moment::new(at),
        why: EndReason::sentence(session.end_reason.as_deref().unwrap_or_default()).to_owned(),
        by,
        note: session.end_note.clone(),
    }
}

/// The stored state with its values as they are meant: they are JSON texts inside JSON.
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
