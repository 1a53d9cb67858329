//! `/admin`: how things stand, and how they went.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::statistics::{self, COUNTED, Range, Statistics};
use crate::{
    clock::now,
    db::Db,
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
    let range = range.unwrap_or_default();
    let slots = range.slots(now());
    let from = slots.first().copied().unwrap_or_else(now);
    let (numbers, active, sign_ins, failures) = db
        .with_long_timeout()
        .run(move |conn| {
            Ok((
                statistics::now_and_today(conn)?,
                statistics::active_over_time(conn, range, from)?,
                statistics::events_over_time(conn, EventKind::SignedIn, range, from)?,
                statistics::events_over_time(conn, EventKind::SignInFailed, range, from)?,
            ))
        })
        .await?;
    let (every, time) = match range {
        Range::Day => ("hour", "the last 24 hours"),
        Range::Month => ("day", "the last 30 days"),
    };
    let page = OverviewPage {
        layout,
        month: range == Range::Month,
        today: OffsetDateTime::now_utc().date().to_string(),
        active: grouped(numbers.active),
        about: numbers.about,
        counted: grouped(COUNTED),
        people: grouped(numbers.people),
        administrators: grouped(numbers.administrators),
        sign_ins: grouped(numbers.sign_ins),
        failures: grouped(numbers.failures),
        over_time: ColumnChart::new(
            "active",
            &format!("Most active sessions at once in each {every} of {time}"),
            vec!["Active sessions"],
            &laid_out(range, &slots, |at| vec![active.get(at).copied()]),
            Aggregate::Newest,
        ),
        sign_ins_over_time: ColumnChart::new(
            "sign-ins",
            &format!("Sign-ins and failed sign-ins in each {every} of {time}"),
            vec!["Sign-ins", "Failed"],
            &laid_out(range, &slots, |at| {
                [&sign_ins, &failures].map(|sums| Some(sums.get(at).copied().unwrap_or(0))).to_vec()
            }),
            Aggregate::Sum,
        ),
        mixes: mixes(&numbers),
        ends: BarChart::new(
            "ends",
            "Why sessions ended in the last 30 days",
            numbers.ends.iter().map(|(reason, count)| (reason.sentence().to_owned(), *count)).collect(),
        ),
        errors: errors.clone(),
    };
    Ok(form_page(&page, &errors))
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
