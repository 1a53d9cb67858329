//! `/activity`: the security log of one's own account.

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
    layout::{
        Layout,
        log_entry::{EventActor, readable_detail},
    },
    sessions::{CurrentUser, catalogue::device},
    web::{FieldErrors, ListAddress, Moment, Page, Query, ROWS_TO_READ, cursor, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/activity.html")]
struct ActivityPage {
    layout: Layout,
    errors: FieldErrors,
    rows: Vec<ActivityRow>,
    first_page: Option<String>,
    next_page: Option<String>,
}

/// An event of the security log as the user it happened to sees it.
struct ActivityRow {
    at: Moment,
    sentence: String,
    detail: Option<String>,
    /// Who did it, unless it was the user; nobody is named.
    by: Option<&'static str>,
    /// "Firefox 140 on Linux"; empty where another user did it, whose device is not shown.
    device: String,
    /// The client's address; empty where another user did it.
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
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn show(
    db: web::Data<Db>,
    layout: Layout,
    user: CurrentUser,
    query: Query<ActivityQuery>,
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
    let events = read(&db, user.id, before).await?;
    let next_page = events.next.map(|id| address.href(Some(&id.to_string())));
    let rows = events.rows.iter().map(|event| ActivityRow::new(event, &user)).collect();
    Ok(html(StatusCode::OK, &ActivityPage { layout, errors, rows, first_page, next_page }))
}

/// The user's events on the page that starts below the id `before`, newest first.
async fn read(db: &Db, user: i64, before: Option<i64>) -> Result<Page<StoredEvent>, Error> {
    let events = db.run(move |conn| log::page(conn, &Filter::of_user(user), before, ROWS_TO_READ)).await?;
    Ok(Page::new(events, |event| event.id))
}

impl ActivityRow {
    fn new(event: &StoredEvent, user: &CurrentUser) -> Self {
        let by = match EventActor::of(event) {
            EventActor::Other(_) => Some("by an administrator"),
            EventActor::NextInBrowser(_) => Some("when somebody else signed in in the same browser"),
            EventActor::CommandLine => Some("by the operator of this site"),
            EventActor::Owner | EventActor::NotSignedIn | EventActor::System => None,
        };
        let ip = event.ip.clone().filter(|_| by.is_none());
        let user_agent = event.user_agent.as_deref().filter(|_| ip.is_some());
        Self {
            at: Moment::new(event.at),
            sentence: event.kind.sentence().to_owned(),
            detail: readable_detail(event),
            by,
            device: user_agent.map(device::describe_user_agent).unwrap_or_default(),
            ip: ip.unwrap_or_default(),
            this_session: event.session_id.as_deref() == Some(user.session.id.as_str()),
        }
    }
}
