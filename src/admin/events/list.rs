//! `/admin/events`: the security log.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    filter::{EventFields, KIND},
    rows::{EventRow, event_rows},
};
use crate::{
    db::Db,
    error::Error,
    events::{EventKind, log},
    layout::Layout,
    web::{Chip, FieldErrors, grouped, html},
};

/// Rows on one page.
const PAGE_SIZE: usize = 50;

/// Entries are counted up to here.
const COUNTED: i64 = 10_000;

#[derive(Template)]
#[template(path = "admin/events/list.html")]
struct EventsPage {
    layout: Layout,
    errors: FieldErrors,
    fields: EventFields,
    kinds: Vec<(&'static str, &'static str)>,
    chips: Vec<Chip>,
    filtered: bool,
    /// "1,204 events", "More than 10,000 events"
    count: String,
    rows: Vec<EventRow>,
    csv: String,
    first_page: Option<String>,
    next_page: Option<String>,
}

impl EventsPage {
    fn new(layout: Layout, fields: EventFields) -> Self {
        let address = fields.address();
        let mut chips = address.chips();
        for chip in chips.iter_mut().filter(|chip| chip.label == KIND) {
            if let Some(kind) = EventKind::parse(&chip.value) {
                chip.value = kind.sentence().to_owned();
            }
        }
        Self {
            layout,
            errors: FieldErrors::default(),
            kinds: kinds(),
            chips,
            filtered: address.is_filtered(),
            count: String::new(),
            rows: Vec::new(),
            csv: address.href_at("/admin/events.csv"),
            first_page: (!fields.after.is_empty()).then(|| address.href(None)),
            next_page: None,
            fields,
        }
    }

    /// The type of a date's field: one that a browser would leave empty is shown as text.
    fn date_type(&self, value: &str) -> &'static str {
        if value.is_empty() || (value.len() == 10 && !self.errors.has("from") && !self.errors.has("to")) {
            "date"
        } else {
            "text"
        }
    }
}

/// The kinds to choose from.
fn kinds() -> Vec<(&'static str, &'static str)> {
    let all = EventKind::known().map(|kind| (kind.name(), kind.sentence()));
    std::iter::once(("", "Anything")).chain(all).collect()
}

/// `GET /admin/events`
pub async fn show(
    db: web::Data<Db>,
    layout: Layout,
    query: web::Query<EventFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let (filter, before) = match fields.read() {
        Ok(query) => query,
        Err(errors) => return Ok(refused(layout, fields, errors)),
    };
    let (mut rows, count) = db
        .with_long_timeout()
        .run(move |conn| {
            let (count, limit) = (log::count(conn, &filter, COUNTED)?, PAGE_SIZE as i64 + 1);
            let entries = if filter.until.is_some() && count.is_some() {
                log::page_of_few(conn, &filter, before, limit)?
            } else {
                log::page(conn, &filter, before, limit)?
            };
            Ok((event_rows(conn, entries)?, count))
        })
        .await?;
    let more = rows.len() > PAGE_SIZE;
    rows.truncate(PAGE_SIZE);
    let last = rows.last().map(|row| row.id.to_string()).filter(|_| more);
    let next_page = last.map(|last| fields.address().href(Some(&last)));
    let count = match count {
        Some(1) => "1 event".to_owned(),
        Some(count) => format!("{} events", grouped(count)),
        None => format!("More than {} events", grouped(COUNTED)),
    };
    let page = EventsPage { rows, count, next_page, ..EventsPage::new(layout, fields) };
    Ok(html(StatusCode::OK, &page))
}

/// The page with what is wrong beside each field: 422.
pub fn refused(layout: Layout, fields: EventFields, errors: FieldErrors) -> HttpResponse {
    html(StatusCode::UNPROCESSABLE_ENTITY, &EventsPage { errors, ..EventsPage::new(layout, fields) })
}
