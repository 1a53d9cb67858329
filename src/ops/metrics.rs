//! `/metrics` for Prometheus, on `OPS_ADDR`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, web::Data};
use prometheus_client::{encoding::prometheus_text, registry::Registry};

use crate::{
    db::Db,
    error::Error,
    events::Drill,
    mail::Outbox,
    sessions::Sessions,
    telemetry::metrics::{GaugeAtScrape, registry},
};

/// How old the number of active sessions may be, which large sites take some time to count.
const COUNT_MAX_AGE: Duration = Duration::from_secs(30);

/// The media type of Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of this process.
pub struct Metrics {
    registry: Registry,
    asked: Arc<Mutex<Asked>>,
}

/// What is asked of the stores when metrics are asked for; `None`: the store doesn't answer.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    active_sessions: Option<f64>,
    mails_waiting: Option<f64>,
    mails_given_up: Option<f64>,
    clock_difference: Option<f64>,
    drill_at: Option<f64>,
    drill_passed: Option<f64>,
    drill_slowest: Option<f64>,
}

impl Metrics {
    /// The metrics that `register` registers, and those of the stores.
    pub fn new(register: impl FnOnce(&mut Registry)) -> Self {
        let (mut registry, asked) = (registry(), Arc::<Mutex<Asked>>::default());
        let mut gauge = |name, help, read: fn(&Asked) -> Option<f64>| {
            let asked = Arc::clone(&asked);
            GaugeAtScrape::register(&mut registry, name, help, move || {
                read(&asked.lock().unwrap_or_else(PoisonError::into_inner))
            });
        };
        gauge("sessions_active", "Active sessions of the site", |asked| asked.active_sessions);
        gauge("mails_waiting", "Mails that wait to be accepted", |asked| asked.mails_waiting);
        gauge("mails_given_up", "Mails that were given up within 30 days", |asked| asked.mails_given_up);
        gauge(
            "clock_difference_seconds",
            "By how much this machine's clock is ahead of the database's",
            |asked| asked.clock_difference,
        );
        gauge("drill_last_run_timestamp_seconds", "When the last gatehouse drill came to its end", |asked| {
            asked.drill_at
        });
        gauge("drill_passed", "1 if everything was refused in time in the last drill", |asked| {
            asked.drill_passed
        });
        gauge(
            "drill_slowest_refusal_seconds",
            "From the end of the session in the last drill to the last refusal",
            |asked| asked.drill_slowest,
        );
        register(&mut registry);
        Self { registry, asked }
    }

    fn set(&self, asked: Asked) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }
}

/// `GET /metrics`.
pub async fn show(
    metrics: Data<Metrics>,
    sessions: Data<Sessions>,
    outbox: Data<Outbox>,
    db: Data<Db>,
) -> Result<HttpResponse, Error> {
    let sessions = sessions.into_inner();
    let since = Instant::now().checked_sub(COUNT_MAX_AGE).unwrap_or_else(Instant::now);
    let (active, mail, drill) = tokio::join!(sessions.active(since), outbox.state(), db.run(Drill::last));
    let (mail, drill) = (mail.ok(), drill.ok().flatten());
    metrics.set(Asked {
        active_sessions: active.ok().map(|active| active as f64),
        mails_waiting: mail.as_ref().map(|mail| mail.waiting as f64),
        mails_given_up: mail.as_ref().map(|mail| mail.given_up as f64),
        clock_difference: db.clock_difference().map(time::Duration::as_seconds_f64),
        drill_at: drill.as_ref().map(|drill| drill.at.assume_utc().unix_timestamp() as f64),
        drill_passed: drill.as_ref().map(|drill| f64::from(u8::from(drill.passed))),
        drill_slowest: drill.and_then(|drill| drill.slowest_ms).map(|ms| ms as f64 / 1_000.0),
    });
    let mut text = String::new();
    prometheus_text::encode(&mut text, &metrics.registry).map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}
