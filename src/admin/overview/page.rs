//! `/admin`: the overview with its charts.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::statistics::{self, COUNTED, Range, Statistics};
use crate::{
    clock::now,
    db::{Db, DbConnection},
    error::Error,
    events::EventKind,
    layout::Layout,
    web::{
        FieldErrors,
        chart::{Aggregate, BarChart, ColumnChart, Slot},
        form_page, grouped,
    },
};

#[derive(Template)]
#[template(path = "admin/overview/page.html")]
struct OverviewPage {
    layout: Layout,
    errors: FieldErrors,
    /// The charts show 30 days.
    month: bool,
    /// Today in UTC: `2026-11-21`.
    today: String,
    active: String,
    about: bool,
    counted: String,
    people: String,
    administrators: String,
    sign_ins: String,
    failures: String,
    over_time: ColumnChart,
    sign_ins_over_time: ColumnChart,
    mixes: Vec<BarChart>,
    ends: BarChart,
}

/// `?range=`: `24h` or `30d`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OverviewQuery {
    range: String,
}

/// `GET /admin`
pub async fn show(
    db: web::Data<Db>,
    layout: Layout,
    query: web::Query<OverviewQuery>,
) -> Result<HttpResponse, Error> {
    let mut errors = FieldErrors::default();
    let range = Range::parse(query.range.trim());
    if range.is_none() {
        errors.add_form("There is no such range. Choose 24 hours or 30 days.");
    }
    let numbers = Numbers::read(&db, range.unwrap_or_default()).await?;
    Ok(form_page(&OverviewPage::new(layout, errors.clone(), &numbers), &errors))
}

/// Everything that the page shows, read in one go.
struct Numbers {
    range: Range,
    /// The beginnings of the charts' columns.
    slots: Vec<PrimitiveDateTime>,
    statistics: Statistics,
    active: HashMap<PrimitiveDateTime, i64>,
    sign_ins: HashMap<PrimitiveDateTime, i64>,
    failures: HashMap<PrimitiveDateTime, i64>,
}

impl Numbers {
    async fn read(db: &Db, range: Range) -> Result<Self, Error> {
        let slots = range.slots(now());
        let from = slots.first().copied().unwrap_or_else(now);
        let read = move |conn: &mut DbConnection| {
            Ok(Self {
                range,
                slots,
                statistics: statistics::now_and_today(conn)?,
                active: statistics::active_over_time(conn, range, from)?,
                sign_ins: statistics::events_over_time(conn, EventKind::SignedIn, range, from)?,
                failures: statistics::events_over_time(conn, EventKind::SignInFailed, range, from)?,
            })
        };
        db.with_long_timeout().run(read).await
    }

    fn active_chart(&self) -> ColumnChart {
        let (every, time) = self.range.words();
        ColumnChart::new(
            "active",
            &format!("Most active sessions at once in each {every} of {time}"),
            vec!["Active sessions"],
            &laid_out(self.range, &self.slots, |at| vec![self.active.get(at).copied()]),
            Aggregate::Newest,
        )
    }

    fn sign_in_chart(&self) -> ColumnChart {
        let (every, time) = self.range.words();
        let counts = |at: &PrimitiveDateTime| {
            [&self.sign_ins, &self.failures].map(|counts| Some(counts.get(at).copied().unwrap_or(0))).to_vec()
        };
        ColumnChart::new(
            "sign-ins",
            &format!("Sign-ins and failed sign-ins in each {every} of {time}"),
            vec!["Sign-ins", "Failed"],
            &laid_out(self.range, &self.slots, counts),
            Aggregate::Sum,
        )
    }
}

impl OverviewPage {
    fn new(layout: Layout, errors: FieldErrors, numbers: &Numbers) -> Self {
        let statistics = &numbers.statistics;
        let ends = statistics.ends.iter().map(|(reason, count)| (reason.sentence().to_owned(), *count));
        Self {
            layout,
            errors,
            month: numbers.range == Range::Month,
            today: OffsetDateTime::now_utc().date().to_string(),
            active: grouped(statistics.active),
            about: statistics.about,
            counted: grouped(COUNTED),
            people: grouped(statistics.people),
            administrators: grouped(statistics.administrators),
            sign_ins: grouped(statistics.sign_ins),
            failures: grouped(statistics.failures),
            over_time: numbers.active_chart(),
            sign_ins_over_time: numbers.sign_in_chart(),
            mixes: mixes(statistics),
            ends: BarChart::new("ends", "Why sessions ended in the last 30 days", ends.collect()),
        }
    }
}

fn laid_out(
    range: Range,
    slots: &[PrimitiveDateTime],
    values: impl Fn(&PrimitiveDateTime) -> Vec<Option<i64>>,
) -> Vec<Slot> {
    let hour = format_description!("[hour]:[minute]");
    let day = format_description!("[day padding:none] [month repr:short]");
    let day_and_hour = format_description!("[day padding:none] [month repr:short], [hour]:[minute]");
    slots
        .iter()
        .map(|at| {
            let (mark, label) = match range {
                Range::Day => (at.format(hour), at.format(day_and_hour)),
                Range::Month => (at.format(day), at.format(day)),
            };
            Slot {
                axis_label: mark.unwrap_or_default(),
                label: label.unwrap_or_default(),
                values: values(at),
            }
        })
        .collect()
}

fn mixes(numbers: &Statistics) -> Vec<BarChart> {
    let named = |counts: &[(String, i64)]| {
        let known = |name: &String| if name.is_empty() { "Unknown".to_owned() } else { name.clone() };
        counts.iter().map(|(name, count)| (known(name), *count)).collect()
    };
    let kinds = numbers.kinds.iter().map(|(kind, count)| (kind.label().to_owned(), *count)).collect();
    vec![
        BarChart::new("browsers", "Browsers", named(&numbers.browsers)),
        BarChart::new("systems", "Systems", named(&numbers.systems)),
        BarChart::new("kinds", "Kinds of devices", kinds),
    ]
}
