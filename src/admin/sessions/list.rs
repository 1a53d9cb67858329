//! `/admin/sessions`: all sessions, filtered and page by page.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::filter::{FilterFields, ListFields, PERSON};
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
    web::{Chip, FieldErrors, Moment, grouped, html},
};

/// So many are counted for the page, however many there are: it costs the same for all.
const COUNTED: i64 = 1_000;

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
    /// Fields beyond the first two are in use: they are not folded away.
    more_fields: bool,
    ended: bool,
    filtered: bool,
    total: i64,
    total_text: String,
    rows: Vec<AdminSessionRow>,
    first_page: Option<String>,
    next_page: Option<String>,
}

/// A session as an administrator sees it.
pub struct AdminSessionRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub user_id: i64,
    pub is_admin: bool,
    pub device: String,
    pub kind: &'static str,
    pub ip: String,
    pub this_is_you: bool,
    pub remembered: bool,
    pub signed_in: Moment,
    pub last_seen: Moment,
    pub active_now: bool,
    pub expires: Moment,
    pub ends_soon: bool,
    pub ended: Option<Ended>,
}

/// When and why a session ended.
pub struct Ended {
    pub at: Moment,
    pub why: String,
}

impl AdminSessionRow {
    /// The row as the given session sees it.
    pub fn new(session: &ListedSession, own: &str) -> Self {
        let this_is_you = session.id == own;
        let facts = SessionFacts::of(session, this_is_you);
        Self {
            id: session.id.clone(),
            name: session.name.clone(),
            email: session.email.clone(),
            user_id: session.user_id,
            is_admin: session.role == Role::Admin,
            device: facts.device,
            kind: facts.kind,
            ip: session.ip.clone(),
            this_is_you,
            remembered: session.remembered,
            signed_in: facts.signed_in,
            last_seen: facts.last_seen,
            active_now: facts.active_now,
            expires: facts.expires,
            ends_soon: facts.ends_soon,
            ended: session.ended_at.map(|at| Ended {
                at: Moment::new(at),
                why: session.end_reason.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            }),
        }
    }
}

/// What the list shows: the rows of one page, and how many match in all, counted no further than one more than [`COUNTED`].
#[derive(Default)]
struct Found {
    query: ListQuery,
    page: Page,
    total: i64,
}

async fn find(sessions: &Sessions, query: ListQuery) -> Result<Found, Error> {
    let query = sessions.resolve_people(query).await?;
    // The page first: sessions that the store turns out to have lost are not counted then.
    let page = sessions.page(&query, query.after.as_ref()).await?;
    let is_whole_list = query.after.is_none() && page.next.is_none();
    let total = match i64::try_from(page.rows.len()) {
        Ok(rows) if is_whole_list => rows,
        _ => sessions.count_up_to(&query, COUNTED + 1).await?,
    };
    Ok(Found { query, page, total })
}

/// `GET /admin/sessions`
pub async fn show(
    accounts: web::Data<Accounts>,
    sessions: web::Data<Sessions>,
    layout: Layout,
    admin: Administrator,
    query: web::Query<ListFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let (status, errors, found) = match fields.read() {
        Ok(query) => (StatusCode::OK, FieldErrors::default(), find(&sessions, query).await?),
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Found::default()),
    };
    let Found { query, page, total } = found;
    let more = |(name, _): &(&str, String)| !matches!(*name, "q" | "ip");
    let page = AdminSessionsPage {
        layout,
        errors,
        chips: chips(&accounts, &fields, &query).await,
        caption: caption(&query),
        more_fields: fields.filter.in_force().iter().any(more)
            || !fields.sort.is_empty()
            || !fields.state.is_empty(),
        ended: fields.state.trim() == "ended",
        filtered: fields.filter.is_narrowed(),
        total,
        total_text: if total > COUNTED { format!("More than {}", grouped(COUNTED)) } else { grouped(total) },
        rows: page.rows.iter().map(|session| AdminSessionRow::new(session, &admin.session.id)).collect(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: page.next.map(|cursor| fields.href(Some(&cursor))),
        state: fields.state,
        sort: fields.sort,
        fields: fields.filter,
    };
    Ok(html(status, &page))
}

/// The filters in force; a user who is meant by number is named.
async fn chips(accounts: &Accounts, fields: &ListFields, query: &ListQuery) -> Vec<Chip> {
    let mut chips = fields.chips();
    if let Some(id) = query.filter.user
        && let Ok(Some(name)) = accounts.name_of(id).await
    {
        for chip in chips.iter_mut().filter(|chip| chip.label == PERSON) {
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
