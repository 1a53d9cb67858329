//! `/admin/sessions`: all active sessions.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::filter::{FilterFields, Wanted};
use crate::{
    app::Site,
    error::Error,
    sessions::{
        Administrator,
        catalogue::{self, Cursor, Listed},
        pages::Facts,
    },
    web::{FieldErrors, Layout, Moment, grouped, html},
};

/// Rows on one page.
pub const PAGE: usize = 50;

/// How often a page is filled up after the store turned out to have lost sessions on it.
const REFILLS: usize = 20;

#[derive(Template)]
#[template(path = "admin/sessions.html")]
struct AdminSessionsPage {
    layout: Layout,
    errors: FieldErrors,
    q: String,
    ip: String,
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
}

impl AdminSessionRow {
    /// The row as the given session sees it.
    pub fn new(session: &Listed, own: &str) -> Self {
        let this_is_you = session.id == own;
        let facts = Facts::of(session, this_is_you);
        Self {
            id: session.id.clone(),
            name: session.name.clone(),
            email: session.email.clone(),
            user_id: session.user_id,
            is_admin: session.role == "admin",
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
        }
    }
}

/// One page of the list, every row of it confirmed by the store.
struct Page {
    rows: Vec<Listed>,
    next: Option<Cursor>,
    total: i64,
}

/// `GET /admin/sessions`
pub async fn show(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    query: web::Query<FilterFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let (status, errors, page) = match fields.read() {
        Ok(wanted) => (StatusCode::OK, FieldErrors::default(), read(&site, &wanted).await?),
        Err(errors) => {
            (StatusCode::UNPROCESSABLE_ENTITY, errors, Page { rows: Vec::new(), next: None, total: 0 })
        }
    };
    let page = AdminSessionsPage {
        layout,
        errors,
        filtered: fields.is_narrowed(),
        total: page.total,
        total_text: grouped(page.total),
        rows: page.rows.iter().map(|session| AdminSessionRow::new(session, &admin.session.id)).collect(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: page.next.map(|cursor| fields.href(Some(&cursor))),
        q: fields.q,
        ip: fields.ip,
    };
    Ok(html(status, &page))
}

/// Fills a page. Sessions that the store lost are ended on the way, and the count is taken after that.
async fn read(site: &Site, wanted: &Wanted) -> Result<Page, Error> {
    let mut rows: Vec<Listed> = Vec::new();
    let mut after = wanted.after.clone();
    for _ in 0..REFILLS {
        let (filter, from) = (wanted.filter.clone(), after.clone());
        let limit = i64::try_from(PAGE + 1 - rows.len()).unwrap_or(1);
        let listed =
            site.db.patient().run(move |conn| catalogue::active(conn, &filter, from.as_ref(), limit)).await?;
        let asked = listed.len();
        after = listed.last().map(Cursor::after).or(after);
        let there = site.sessions.confirm(listed).await?;
        let none_lost = there.len() == asked;
        rows.extend(there);
        if none_lost || rows.len() > PAGE {
            break;
        }
    }
    let filter = wanted.filter.clone();
    let total = site.db.patient().run(move |conn| catalogue::count(conn, &filter)).await?;
    let next = (rows.len() > PAGE).then(|| Cursor::after(&rows[PAGE - 1]));
    rows.truncate(PAGE);
    Ok(Page { rows, next, total })
}
