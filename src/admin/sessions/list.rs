//! `/admin/sessions`: all sessions, filtered and in pages.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    filter::{FilterFields, PERSON_LABEL},
    list_fields::ListFields,
};
use crate::{
    accounts::Accounts,
    admin::forms::BackQuery,
    error::Error,
    layout::{Layout, SessionFacts},
    sessions::catalogue::device::DeviceKind,
    sessions::{
        Administrator, AlikeCounts, Page, Sessions,
        catalogue::{
            filter::{ListQuery, Order},
            list::ListedSession,
            method::Method,
        },
    },
    users::Role,
    web::{Chip, FieldErrors, Moment, Query, grouped, grouped_count, html},
};

/// Sessions are counted up to here, so that the cost of the page doesn't grow with the number of sessions.
const COUNT_LIMIT: i64 = 1_000;

#[derive(Template)]
#[template(path = "admin/sessions/list.html")]
struct AdminSessionsPage {
    layout: Layout,
    errors: FieldErrors,
    fields: FilterFields,
    sort: String,
    /// The list of active and that of ended sessions with the same filter.
    active_href: String,
    ended_href: String,
    /// Values and labels of the fields `browser` and `os`.
    browsers: Vec<(String, String)>,
    systems: Vec<(String, String)>,
    /// Values and labels of the field `method`.
    kinds: Vec<(&'static str, &'static str)>,
    methods: Vec<(&'static str, &'static str)>,
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
    /// The query with which a session's page leads back here.
    back_query: String,
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
    /// The others in the list with the same device of the same user, if there are any.
    pub alike: Option<Alike>,
}

/// Sessions that look the same in the list.
pub struct Alike {
    /// How many of them match the filter, this one among them.
    pub count: String,
    /// Whether there may be more: they were not counted to the end.
    pub at_least: bool,
    /// The list of just those.
    pub href: String,
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
            alike: None,
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
    /// How many of those look like one on the page.
    alike: AlikeCounts,
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
    let alike = match is_whole_list {
        true => AlikeCounts::of_listed(&page.rows),
        false => sessions.count_alike(&query, &page.rows).await?,
    };
    Ok(Found { query, page, total, alike })
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
    let Found { query, page, total, alike } = found;
    let ended = fields.state.trim() == "ended";
    let names = sessions.names_in_use(ended).await?;
    let is_folded = |(name, _): &(&str, String)| !matches!(*name, "q" | "ip");
    let page = AdminSessionsPage {
        layout,
        errors,
        chips: chips(&accounts, &fields, &query).await,
        caption: caption(&query),
        more_fields: fields.filter.in_force().iter().any(is_folded) || !fields.sort.is_empty(),
        ended,
        active_href: fields.href_of_state(""),
        ended_href: fields.href_of_state("ended"),
        browsers: choices(names.browsers, &fields.filter.browser),
        systems: choices(names.systems, &fields.filter.os),
        kinds: kinds(),
        methods: methods(),
        filtered: fields.filter.is_narrowed(),
        total,
        total_text: if total > COUNT_LIMIT {
            format!("More than {}", grouped(COUNT_LIMIT))
        } else {
            grouped(total)
        },
        rows: rows(&page.rows, &alike, &admin.session.id, &fields),
        back_query: BackQuery::to(&fields.here()),
        here: fields.here(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: page.next.map(|cursor| fields.href(Some(&cursor))),
        sort: fields.sort,
        fields: fields.filter,
    };
    Ok(html(status, &page))
}

/// The rows of the page; what looks alike says so and links to the list of just that.
fn rows(
    listed: &[ListedSession],
    counts: &AlikeCounts,
    own: &str,
    fields: &ListFields,
) -> Vec<AdminSessionRow> {
    let narrowed = |session: &ListedSession| {
        let filter = FilterFields {
            q: format!("#{}", session.user_id),
            browser: session.browser.clone(),
            os: session.os.clone(),
            ..fields.filter.clone()
        };
        ListFields { filter, after: String::new(), ..fields.clone() }.href(None)
    };
    let here = fields.href(None);
    let alike = |session: &ListedSession| {
        let count = counts.of(session);
        // What is not known can't be filtered by.
        let can_filter = !session.browser.is_empty() && !session.os.is_empty();
        let alike = (count > 1 && can_filter).then(|| narrowed(session)).filter(|href| *href != here)?;
        Some(Alike { count: grouped_count(count), at_least: counts.are_partial, href: alike })
    };
    let row = |session: &ListedSession| AdminSessionRow {
        alike: alike(session),
        ..AdminSessionRow::new(session, own)
    };
    listed.iter().map(row).collect()
}

/// Values and labels of a field that offers names. A chosen one that is not in use any more stays chosen.
fn choices(names: Vec<String>, chosen: &str) -> Vec<(String, String)> {
    let chosen = chosen.trim();
    let missing = !chosen.is_empty() && !names.iter().any(|name| name.eq_ignore_ascii_case(chosen));
    let offered = names.into_iter().chain(missing.then(|| chosen.to_owned()));
    let offered = offered.map(|name| (name.clone(), name));
    std::iter::once((String::new(), "Any".to_owned())).chain(offered).collect()
}

fn kinds() -> Vec<(&'static str, &'static str)> {
    let kinds = DeviceKind::ALL.iter().map(|kind| (kind.name(), kind.label()));
    std::iter::once(("", "Any")).chain(kinds).collect()
}

fn methods() -> Vec<(&'static str, &'static str)> {
    let known = Method::known().map(|method| (method.name(), method.label()));
    std::iter::once(("", "Any")).chain(known).collect()
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
