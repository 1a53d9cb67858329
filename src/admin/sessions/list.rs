//! `/admin/sessions`: all sessions, filtered and in pages.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    filter::{FilterFields, PERSON_LABEL},
    list_fields::ListFields,
};
use crate::{
    accounts::Accounts,
    error::Error,
    layout::{Layout, SessionFacts},
    sessions::{
        Administrator, Page, Sessions,
        catalogue::{
            filter::{ListQuery, Order},
            list::ListedSession,
        },
    },
    users::Role,
    web::{Chip, FieldErrors, Moment, Query, grouped, html},
};

/// Sessions are counted up to here, so that the cost of the page doesn't grow with the number of sessions.
const COUNT_LIMIT: i64 = 1_000;

#[derive(Template)]
#[template(path = "admin/sessions/list.html")]
struct AdminSessionsPage {
    layout: Layout,
    errors: FieldErrors,
    fields: FilterFields,
    state: String,
    sort: String,
    chips: Vec<Chip>,
    /// What the table lists, and in which order.
    caption: String,
    /// Whether fields other than the first two are in use; then the page shows them unfolded.
    more_fields: bool,
    ended: bool,
    filtered: bool,
    total: i64,
    total_text: String,
    rows: Vec<AdminSessionRow>,
    first_page: Option<String>,
    next_page: Option<String>,
    /// The address of this page, to which its forms come back.
    here: String,
}

/// A session with its user, as administrators see it.
pub struct AdminSessionRow {
    /// Device, address and times.
    pub session: SessionFacts,
    /// The user's name.
    pub name: String,
    /// The user's address, as typed.
    pub email: String,
    /// The user's id.
    pub user_id: i64,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// The session's end; `None`: it is active.
    pub ended: Option<Ended>,
}

/// When and why a session ended.
pub struct Ended {
    /// When.
    pub at: Moment,
    /// "Signed out"
    pub reason: String,
}

impl AdminSessionRow {
    /// The row as shown to the session `own`.
    pub fn new(session: &ListedSession, own: &str) -> Self {
        Self {
            session: SessionFacts::of(session, own),
            name: session.name.clone(),
            email: session.email.clone(),
            user_id: session.user_id,
            is_admin: session.role == Role::Admin,
            ended: session.ended_at.map(|at| Ended {
                at: Moment::new(at),
                reason: session.end_reason.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            }),
        }
    }
}

/// What the list shows.
#[derive(Default)]
struct Found {
    query: ListQuery,
    page: Page,
    /// How many match in all, counted no further than one more than [`COUNT_LIMIT`].
    total: i64,
}

async fn find(sessions: &Sessions, query: ListQuery) -> Result<Found, Error> {
    let query = sessions.resolve(query).await?;
    // The page is read first: reading it ends the sessions that the store has lost, so that they are not counted.
    let page = sessions.page(&query, query.after.as_ref()).await?;
    let is_whole_list = query.after.is_none() && page.next.is_none();
    let total = match i64::try_from(page.rows.len()) {
        Ok(rows) if is_whole_list => rows,
        _ => sessions.count_up_to(&query, COUNT_LIMIT + 1).await?,
    };
    Ok(Found { query, page, total })
}

/// `GET /admin/sessions`
///
/// # Errors
/// [`Error::Unavailable`] when store or database can't be read.
pub async fn show(
    accounts: web::Data<Accounts>,
    sessions: web::Data<Sessions>,
    layout: Layout,
    admin: Administrator,
    query: Query<ListFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let (status, errors, found) = match fields.read() {
        Ok(query) => (StatusCode::OK, FieldErrors::default(), find(&sessions, query).await?),
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Found::default()),
    };
    let Found { query, page, total } = found;
    let is_folded = |(name, _): &(&str, String)| !matches!(*name, "q" | "ip");
    let page = AdminSessionsPage {
        layout,
        errors,
        chips: chips(&accounts, &fields, &query).await,
        caption: caption(&query),
        more_fields: fields.filter.in_force().iter().any(is_folded)
            || !fields.sort.is_empty()
            || !fields.state.is_empty(),
        ended: fields.state.trim() == "ended",
        filtered: fields.filter.is_narrowed(),
        total,
        total_text: if total > COUNT_LIMIT {
            format!("More than {}", grouped(COUNT_LIMIT))
        } else {
            grouped(total)
        },
        rows: page.rows.iter().map(|session| AdminSessionRow::new(session, &admin.session.id)).collect(),
        here: fields.here(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: page.next.map(|cursor| fields.href(Some(&cursor))),
        state: fields.state,
        sort: fields.sort,
        fields: fields.filter,
    };
    Ok(html(status, &page))
}

/// The filters in force; a user who is given by id is shown with their name.
async fn chips(accounts: &Accounts, fields: &ListFields, query: &ListQuery) -> Vec<Chip> {
    let mut chips = fields.chips();
    if let Some(id) = query.filter.user
        && let Ok(Some(name)) = accounts.name_of(id).await
    {
        for chip in chips.iter_mut().filter(|chip| chip.label == PERSON_LABEL) {
            chip.value = format!("{name} ({})", chip.value);
        }
    }
    chips
}

fn caption(query: &ListQuery) -> String {
    let which = if query.filter.ended { "Ended" } else { "Active" };
    let first = match query.order() {
        Order::Seen => "activity",
        Order::Started => "sign-in",
        Order::Ended => "end",
    };
    format!("{which} sessions, newest {first} first")
}
