//! Health checks for operators, containers and load balancers: `/healthz` and `/readyz`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, web::Data};
use serde_json::{Value, json};
use time::PrimitiveDateTime;
use tokio::sync::Mutex;

use crate::{clock::now, db::Db, error::Error, sessions::Sessions, web::rfc3339};

/// `GET /healthz`: the process answers requests; touches no store.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// How long it is repeated that all stores are up. Any number of requests costs the stores one check at a time, and ten a second
/// while they are up.
const FRESH: Duration = Duration::from_millis(100);

/// Whether each store does what the site needs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Report {
    database: Health,
    store: Health,
}

/// Whether a store does what the site needs of it, as far as this process has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Up,
    Down { since: PrimitiveDateTime },
}

impl Report {
    const UP: Self = Self { database: Health::Up, store: Health::Up };
}

/// The last report and when it was made. Requests that come while the stores are asked wait for the same report.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Report)>>,
    stopping: AtomicBool,
}

impl Readiness {
    /// Says from now on that the instance is not ready, whatever the stores do: it is about to stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the instance is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    async fn report(&self, db: &Db, sessions: &Sessions) -> Report {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, report)) = *last
            && (at >= asked_at || (report == Report::UP && at.elapsed() < FRESH))
        {
            return report;
        }
        let before = last.map_or(Report::UP, |(_, report)| report);
        let database = async {
            db.check_writable().await?;
            sessions.check_lookup().await
        };
        let (database, store) = tokio::join!(database, sessions.check());
        let report = Report {
            database: before.database.next("database", &database),
            store: before.store.next("session store", &store),
        };
        *last = Some((Instant::now(), report));
        report
    }
}

impl Health {
    /// What it is after asking; logs each change once.
    fn next(self, part: &str, asked: &Result<(), Error>) -> Self {
        match (self, asked) {
            (Self::Up, Ok(())) => Self::Up,
            (Self::Down { .. }, Ok(())) => {
                tracing::info!(part, "ready again");
                Self::Up
            }
            (Self::Up, Err(error)) => {
                tracing::error!(part, error = ?error.causes(), "not ready");
                Self::Down { since: now() }
            }
            (Self::Down { .. }, Err(_)) => self,
        }
    }

    fn details(self) -> Value {
        match self {
            Self::Up => json!({ "state": "up" }),
            Self::Down { since } => json!({ "state": "down", "since": rfc3339(since.assume_utc()) }),
        }
    }
}

impl Report {
    fn is_ready(self) -> bool {
        self == Self::UP
    }

    fn details(self, clock_ahead: Option<time::Duration>) -> Value {
        json!({
            "ready": self.is_ready(),
            "database": self.database.details(),
            "session_store": self.store.details(),
            "clock_ahead_seconds": clock_ahead.map(|ahead| ahead.whole_milliseconds() as f64 / 1_000.0),
        })
    }
}

/// `GET /readyz`: asks what sign-ins and pages need of database and store, in their way. 200 or 503, and not why.
pub async fn ready(db: Data<Db>, sessions: Data<Sessions>, readiness: Data<Readiness>) -> HttpResponse {
    let report = readiness.report(&db, &sessions).await;
    let ready = report.is_ready() && !readiness.is_stopping();
    answer(ready, &json!({ "ready": ready }))
}

/// `GET /readyz` on `OPS_ADDR`: the same, with what is down and since when.
pub async fn ready_details(
    db: Data<Db>,
    sessions: Data<Sessions>,
    readiness: Data<Readiness>,
) -> HttpResponse {
    let report = readiness.report(&db, &sessions).await;
    let stopping = readiness.is_stopping();
    let mut details = report.details(db.clock_difference());
    if stopping {
        details["ready"] = false.into();
        details["stopping"] = true.into();
    }
    answer(report.is_ready() && !stopping, &details)
}

fn answer(ready: bool, body: &Value) -> HttpResponse {
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.content_type("application/json").body(format!("{body}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_since_when_a_part_is_down() {
        let away = Err(Error::unavailable("gone"));
        let down = Health::Up.next("database", &away);
        let Health::Down { since } = down else { panic!("{down:?}") };
        assert_eq!(down.next("database", &away), down, "since the first failure");
        let report = Report { database: down, ..Report::UP };
        assert_eq!(
            report.details(Some(time::Duration::milliseconds(1_500))),
            json!({
                "ready": false,
                "database": { "state": "down", "since": rfc3339(since.assume_utc()) },
                "session_store": { "state": "up" },
                "clock_ahead_seconds": 1.5,
            })
        );
        assert_eq!(down.next("database", &Ok(())), Health::Up);
    }
}
