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

/// `GET /readyz`: asks what sign-ins and pages need of database and store, in their way. 200 or 503; on this machine it says in JSON
/// which of them is up.
pub async fn ready(
    req: HttpRequest,
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
    readiness: web::Data<Readiness>,
) -> HttpResponse {
    let peer = req.peer_addr().map(|peer| peer.ip());
    readiness.report(&db, &sessions).await.answer(peer)
}

impl Report {
    /// The answer to a peer with this address.
    fn answer(self, peer: Option<IpAddr>) -> HttpResponse {
        let state = |up: bool| if up { "up" } else { "down" };
        let details =
            serde_json::json!({ "database": state(self.database_up), "session_store": state(self.store_up) });
        let is_this_machine = peer.is_some_and(|ip| ip.to_canonical().is_loopback());
        let is_up = self == Self::UP;
        let body = if is_this_machine { details } else { serde_json::json!({ "ready": is_up }) };
        let mut response = if is_up { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
        response.content_type("application/json").body(format!("{body}\n"))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;

    use super::*;

    #[test]
    fn readiness_has_details_for_this_machine_alone() {
        let down = Report { database_up: true, store_up: false };
        for (report, peer, status, says) in [
            (Report::UP, "127.0.0.1", 200, r#"{"database":"up","session_store":"up"}"#),
            (down, "::1", 503, r#"{"database":"up","session_store":"down"}"#),
            (down, "::ffff:127.0.0.1", 503, r#"{"database":"up","session_store":"down"}"#),
            (Report::UP, "192.0.2.7", 200, r#"{"ready":true}"#),
            (down, "2001:db8::7", 503, r#"{"ready":false}"#),
        ] {
            let answer = report.answer(peer.parse().ok());
            assert_eq!(answer.status().as_u16(), status, "{peer}");
            let body = answer.into_body().try_into_bytes().unwrap();
            assert_eq!(std::str::from_utf8(&body).unwrap().trim_end(), says, "{peer}");
        }
    }
}
