//! `/activity`: what happened to one's own account.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    db::Db,
    error::Error,
    events::{
        StoredEvent,
        log::{self, Filter},
    },
    layout::{Layout, log_entry::readable_detail},
    sessions::{CurrentUser, catalogue::device},
    web::{FieldErrors, ListAddress, Moment, cursor, form_page, html},
};

/// Rows on one page.
const PAGE_SIZE: usize = 50;

#[derive(Template)]
#[template(path = "accounts/activity.html")]
struct ActivityPage {
    layout: Layout,
    errors: FieldErrors,
    rows: Vec<ActivityRow>,
    first_page: Option<String>,
    next_page: Option<String>,
}

/// An entry of the security log as its user sees it.
struct ActivityRow {
    at: Moment,
    what: String,
    detail: Option<String>,
    /// Who did it, unless it was the user: an administrator stays unnamed.
    by: Option<&'static str>,
    /// "Firefox 140 on Linux"; empty where it was done by somebody else, whose device stays theirs.
    device: String,
    ip: String,
    this_session: bool,
}

/// `?after=`: where the page starts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActivityQuery {
    after: String,
}

/// `GET /activity`
pub async fn show(
    db: web::Data<Db>,
    layout: Layout,
    user: CurrentUser,
    query: web::Query<ActivityQuery>,
) -> Result<HttpResponse, Error> {
    let after = query.into_inner().after;
    let address = ListAddress { path: "/activity", filters: Vec::new(), options: Vec::new() };
    let first_page = (!after.is_empty()).then(|| address.href(None));
    let mut errors = FieldErrors::default();
    let before = cursor(&after, &mut errors);
    if !errors.is_empty() {
        let page =
            ActivityPage { layout, errors: errors.clone(), rows: Vec::new(), first_page, next_page: None };
        return Ok(form_page(&page, &errors));
    }
    let id = user.id;
    let mut entries =
        db.run(move |conn| log::page(conn, &Filter::of_user(id), before, PAGE_SIZE as i64 + 1)).await?;
    let more = entries.len() > PAGE_SIZE;
    entries.truncate(PAGE_SIZE);
    let next_page = entries.last().filter(|_| more).map(|last| address.href(Some(&last.id.to_string())));
    let rows = entries.iter().map(|entry| ActivityRow::new(entry, &user)).collect();
    Ok(html(StatusCode::OK, &ActivityPage { layout, errors, rows, first_page, next_page }))
}

impl ActivityRow {
    fn new(entry: &StoredEvent, user: &CurrentUser) -> Self {
        let by = match entry.actor_id {
            Some(actor) if actor != user.id => Some("by an administrator"),
            _ => None,
        };
        let where_from = entry.ip.clone().filter(|_| by.is_none());
        let user_agent = entry.user_agent.as_deref().filter(|_| where_from.is_some());
        Self {
            at: Moment::new(entry.at),
            what: entry.kind.sentence().to_owned(),
            detail: readable_detail(entry),
            by,
            device: user_agent.map(device::describe_user_agent).unwrap_or_default(),
            ip: where_from.unwrap_or_default(),
            this_session: entry.session_id.as_deref() == Some(user.session.id.as_str()),
        }
    }
}
