//! `/admin/sessions`: all sessions, filtered and in pages.

use std::ops::Deref;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    filter::{FilterFields, PERSON_LABEL},
    known_rows::KnownRows,
    list_fields::ListFields,
    row::{AdminSessionRow, Alike},
};
use crate::{
    accounts::Accounts,
    admin::forms::BackQuery,
    error::Error,
    layout::Layout,
    sessions::catalogue::device::DeviceKind,
    sessions::{
        Administrator, AlikeCounts, NamesInUse, Page, Sessions,
        catalogue::{
            filter::{ListQuery, Order},
            list::ListedSession,
            method::Method,
        },
    },
    web::{Chip, FieldErrors, Query, grouped, grouped_count, html},
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
    /// Those of them that the page has already, where it only asks for what has changed.
    known: KnownRows,
    first_page: Option<String>,
    next_page: Option<String>,
    /// The address of this page, to which its forms come back.
    here: String,
    /// The query with which a session's page leads back here.
    back_query: String,
}

/// What has changed of a page that is open. Its template shares parts with that of the page, and their names.
#[derive(Template)]
#[template(path = "admin/sessions/list_update.html")]
struct ListUpdate(AdminSessionsPage);

impl Deref for ListUpdate {
    type Target = AdminSessionsPage;

    fn deref(&self) -> &AdminSessionsPage {
        &self.0
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

/// `GET /admin/sessions`: the page, or what has changed of one that is open and names the rows that it has.
///
/// # Errors
/// [`Error::Unavailable`] when store or database can't be read.
pub async fn show(
    req: HttpRequest,
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
    let known = KnownRows::of(&req);
    let is_update = known.is_some();
    let names = if is_update { NamesInUse::default() } else { sessions.names_in_use(ended).await? };
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
        total_text: total_text(total),
        rows: rows(&page.rows, &alike, &admin.session.id, &fields),
        known: known.unwrap_or_default(),
        back_query: BackQuery::to(&fields.here()),
        here: fields.here(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: page.next.map(|cursor| fields.href(Some(&cursor))),
        sort: fields.sort,
        fields: fields.filter,
    };
    Ok(if is_update { html(status, &ListUpdate(page)) } else { html(status, &page) })
}

fn total_text(total: i64) -> String {
    if total > COUNT_LIMIT { format!("More than {}", grouped(COUNT_LIMIT)) } else { grouped(total) }
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
