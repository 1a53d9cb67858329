//! `/admin/events`: the security log.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    filter::{EventFields, KIND_LABEL},
    rows::{EventRow, event_rows},
};
use crate::{
    clock::Zone,
    db::{Db, DbConnection},
    error::Error,
    events::{EventKind, log},
    layout::Layout,
    web::{Chip, FieldErrors, Page, Query, ROWS_TO_READ, ReaderZone, grouped, html},
};

/// Events are counted up to here.
const COUNT_LIMIT: i64 = 10_000;

#[derive(Template)]
#[template(path = "admin/events/list.html")]
struct EventsPage {
    layout: Layout,
    errors: FieldErrors,
    fields: EventFields,
    /// The zone whose days the filter counts in.
    zone: Zone,
    /// Name and sentence of the kinds to choose from.
    kinds: Vec<(&'static str, &'static str)>,
    chips: Vec<Chip>,
    filtered: bool,
    /// "1,204 events", "More than 10,000 events"
    count: String,
    rows: Vec<EventRow>,
    /// The address of the same events as a file.
    csv: String,
    first_page: Option<String>,
    next_page: Option<String>,
}

impl EventsPage {
    fn new(layout: Layout, zone: Zone, fields: EventFields) -> Self {
        let address = fields.address();
        let mut chips = address.chips();
        for chip in chips.iter_mut().filter(|chip| chip.label == KIND_LABEL) {
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
            zone,
            fields,
        }
    }

    /// The input type of a date's field: `text` for a value that a browser would not show in a `date` input.
    fn date_type(&self, value: &str) -> &'static str {
        if value.is_empty() || (value.len() == 10 && !self.errors.has("from") && !self.errors.has("to")) {
            "date"
        } else {
            "text"
        }
    }
}

/// Name and sentence of the kinds to choose from.
fn kinds() -> Vec<(&'static str, &'static str)> {
    let all = EventKind::known().map(|kind| (kind.name(), kind.sentence()));
    std::iter::once(("", "Anything")).chain(all).collect()
}

/// `GET /admin/events`
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn show(
    db: web::Data<Db>,
    layout: Layout,
    ReaderZone(zone): ReaderZone,
    query: Query<EventFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let (filter, before) = match fields.read(&zone) {
        Ok(query) => query,
        Err(errors) => return Ok(refused(layout, zone, fields, errors)),
    };
    let (events, count) = read(&db, filter, before).await?;
    let next_page = events.next.map(|id| fields.address().href(Some(&id.to_string())));
    let count = match count {
        Some(1) => "1 event".to_owned(),
        Some(count) => format!("{} events", grouped(count)),
        None => format!("More than {} events", grouped(COUNT_LIMIT)),
    };
    let page = EventsPage { rows: events.rows, count, next_page, ..EventsPage::new(layout, zone, fields) };
    Ok(html(StatusCode::OK, &page))
}

/// The events on the page that starts below the id `before`, and how many match in all; `None`: more than [`COUNT_LIMIT`].
async fn read(
    db: &Db,
    filter: log::Filter,
    before: Option<i64>,
) -> Result<(Page<EventRow>, Option<i64>), Error> {
    let read = move |conn: &mut DbConnection| {
        let count = log::count(conn, &filter, COUNT_LIMIT)?;
        let events = if filter.until.is_some() && count.is_some() {
            log::page_of_few(conn, &filter, before, ROWS_TO_READ)?
        } else {
            log::page(conn, &filter, before, ROWS_TO_READ)?
        };
        let page = Page::new(event_rows(conn, events)?, |row| row.id);
        Ok((page, count))
    };
    db.with_long_timeout().run(read).await
}

/// The page with each mistake beside its field: 422.
pub(super) fn refused(layout: Layout, zone: Zone, fields: EventFields, errors: FieldErrors) -> HttpResponse {
    html(StatusCode::UNPROCESSABLE_ENTITY, &EventsPage { errors, ..EventsPage::new(layout, zone, fields) })
}
