//! `/admin`: how many sessions and sign-ins there are, now and over time.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{
    slots::{Range, Slots},
    statistics::{self, COUNT_LIMIT, Statistics, Totals},
};
use crate::{
    clock::now,
    db::Db,
    error::Error,
    layout::Layout,
    mail::{Outbox, OutboxState},
    web::{
        FieldErrors, Moment, Query, ReaderZone,
        chart::{Aggregate, BarChart, ColumnChart, Slot},
        form_page, grouped,
    },
};

#[derive(Template)]
#[template(path = "admin/overview/page.html")]
struct OverviewPage {
    layout: Layout,
    errors: FieldErrors,
    /// Whether the charts show 30 days; otherwise they show 24 hours.
    month: bool,
    /// Today: `2026-11-21`.
    today: String,
    /// The zone whose days and hours are counted.
    zone: String,
    active: String,
    /// Whether there are more active sessions than are counted one by one.
    over_limit: bool,
    count_limit: String,
    users: String,
    administrators: String,
    sign_ins: String,
    failures: String,
    stolen_keys: String,
    active_over_time: ColumnChart,
    sign_ins_over_time: ColumnChart,
    /// Shares of the active sessions by browser, system and kind of device.
    shares: Vec<BarChart>,
    end_reasons: BarChart,
    mail: MailPanel,
}

/// How it goes with the mail.
struct MailPanel {
    destination: String,
    waiting: String,
    given_up: String,
    /// When and why a mail was last not accepted.
    last_failure: Option<(Moment, String)>,
}

/// `?range=`: `24h` or `30d`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OverviewQuery {
    range: String,
}

/// `GET /admin`
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn show(
    db: web::Data<Db>,
    outbox: web::Data<Outbox>,
    layout: Layout,
    ReaderZone(zone): ReaderZone,
    query: Query<OverviewQuery>,
) -> Result<HttpResponse, Error> {
    let mut errors = FieldErrors::default();
    let range = Range::parse(query.range.trim()).unwrap_or_else(|| {
        errors.add_form("There is no such range. Choose 24 hours or 30 days.");
        Range::default()
    });
    let slots = Slots::new(range, now(), zone);
    let (statistics, slots) = statistics::read(&db, slots).await?;
    let mail = MailPanel::new(outbox.state().await?);
    let page = OverviewPage::new(layout, errors.clone(), &slots, &statistics, mail);
    Ok(form_page(&page, &errors))
}

impl MailPanel {
    fn new(state: OutboxState) -> Self {
        Self {
            destination: state.destination,
            waiting: grouped(state.waiting),
            given_up: grouped(state.given_up),
            last_failure: state.last_failure.map(|failure| (Moment::new(failure.at), failure.reason)),
        }
    }
}

impl OverviewPage {
    fn new(
        layout: Layout,
        errors: FieldErrors,
        slots: &Slots,
        statistics: &Statistics,
        mail: MailPanel,
    ) -> Self {
        let totals = &statistics.totals;
        Self {
            layout,
            errors,
            month: slots.range == Range::Month,
            today: slots.today.to_string(),
            zone: slots.zone.name().to_owned(),
            active: grouped(totals.active),
            over_limit: totals.over_limit,
            count_limit: grouped(COUNT_LIMIT),
            users: grouped(totals.users),
            administrators: grouped(totals.administrators),
            sign_ins: grouped(totals.sign_ins),
            failures: grouped(totals.failures),
            stolen_keys: grouped(totals.stolen_keys),
            active_over_time: active_over_time(slots, statistics),
            sign_ins_over_time: sign_ins_over_time(slots, statistics),
            shares: shares(totals),
            end_reasons: BarChart::new(
                "ends",
                "Why sessions ended in the last 30 days",
                totals
                    .end_reasons
                    .iter()
                    .map(|(reason, count)| (reason.sentence().to_owned(), *count))
                    .collect(),
            ),
            mail,
        }
    }
}

fn active_over_time(slots: &Slots, statistics: &Statistics) -> ColumnChart {
    let (unit, period) = words(slots.range);
    ColumnChart::new(
        "active",
        &format!("Most active sessions at once in each {unit} of {period}"),
        vec!["Active sessions"],
        &chart_slots(slots, |slot| vec![statistics.active.get(slot).copied().flatten()]),
        Aggregate::Newest,
    )
}

fn sign_ins_over_time(slots: &Slots, statistics: &Statistics) -> ColumnChart {
    let (unit, period) = words(slots.range);
    let counts = [&statistics.sign_ins, &statistics.failures];
    ColumnChart::new(
        "sign-ins",
        &format!("Sign-ins and failed sign-ins in each {unit} of {period}"),
        vec!["Sign-ins", "Failed"],
        &chart_slots(slots, |slot| {
            counts.map(|counts| Some(counts.get(slot).copied().flatten().unwrap_or(0))).to_vec()
        }),
        Aggregate::Sum,
    )
}

/// A slot and the whole range, in words.
fn words(range: Range) -> (&'static str, &'static str) {
    match range {
        Range::Day => ("hour", "the last 24 hours"),
        Range::Month => ("day", "the last 30 days"),
    }
}

/// The slots of a chart with their labels, and the values of the slot of each index.
fn chart_slots(slots: &Slots, values: impl Fn(usize) -> Vec<Option<i64>>) -> Vec<Slot> {
    let labels = slots.labels().into_iter().enumerate();
    labels.map(|(slot, (axis_label, label))| Slot { axis_label, label, values: values(slot) }).collect()
}

fn shares(totals: &Totals) -> Vec<BarChart> {
    let labelled = |counts: &[(String, i64)]| {
        let label = |name: &String| if name.is_empty() { "Unknown".to_owned() } else { name.clone() };
        counts.iter().map(|(name, count)| (label(name), *count)).collect()
    };
    let kinds = totals.kinds.iter().map(|(kind, count)| (kind.label().to_owned(), *count)).collect();
    let methods = totals.methods.iter().map(|(method, count)| (method.label().to_owned(), *count)).collect();
    vec![
        BarChart::new("methods", "How people signed in", methods),
        BarChart::new("browsers", "Browsers", labelled(&totals.browsers)),
        BarChart::new("systems", "Systems", labelled(&totals.systems)),
        BarChart::new("kinds", "Kinds of devices", kinds),
    ]
}
