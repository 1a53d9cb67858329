//! Health checks for operators, containers and load balancers: `/healthz` and `/readyz`.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::Mutex;

use crate::{db::Db, error::Error, sessions::Sessions};

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
    database_up: bool,
    store_up: bool,
}

impl Report {
    const UP: Self = Self { database_up: true, store_up: true };
}

/// The last report and when it was made. Requests that come while the stores are asked wait for the same report.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Report)>>,
}

impl Readiness {
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
            database_up: is_up("database", before.database_up, &database),
            store_up: is_up("session store", before.store_up, &store),
        };
        *last = Some((Instant::now(), report));
        report
    }
}

/// Logs each change once.
fn is_up(part: &str, was_up: bool, result: &Result<(), Error>) -> bool {
    match result {
        Ok(()) if !was_up => tracing::info!(part, "ready again"),
        Err(error) if was_up => tracing::error!(part, error = ?error.causes(), "not ready"),
        Ok(()) | Err(_) => {}
    }
    result.is_ok()
}

/// `GET /readyz`, from loopback addresses only: asks what sign-ins and pages need of database and store, in their way. States in JSON whether database and session store are up, with status 200 or 503.
///
/// # Errors
/// [`Error::NotFound`] for a peer whose address is not a loopback address.
pub async fn ready(
    req: HttpRequest,
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
    readiness: web::Data<Readiness>,
) -> Result<HttpResponse, Error> {
    let is_loopback = req.peer_addr().is_some_and(|peer| IpAddr::to_canonical(&peer.ip()).is_loopback());
    if !is_loopback {
        return Err(Error::NotFound);
    }
    let Report { database_up, store_up } = readiness.report(&db, &sessions).await;
    let state = |up: bool| if up { "up" } else { "down" };
    let body = serde_json::json!({ "database": state(database_up), "session_store": state(store_up) });
    let mut response =
        if database_up && store_up { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(response.content_type("application/json").body(format!("{body}\n")))
}
