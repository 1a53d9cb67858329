//! `/healthz` and `/readyz`: for operators, containers and load balancers.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use diesel::RunQueryDsl as _;

use crate::{db::Db, error::Error, sessions::Sessions};

/// `GET /healthz`: the process serves.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`, from loopback addresses only: 200, or 503 with what is down.
pub async fn ready(
    req: HttpRequest,
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Error> {
    let local = req.peer_addr().is_some_and(|peer| IpAddr::to_canonical(&peer.ip()).is_loopback());
    if !local {
        return Err(Error::NotFound);
    }
    let database = db.run(|conn| Ok(diesel::sql_query("SELECT 1").execute(conn)?)).await.is_ok();
    let store = sessions.check().await.is_ok();
    let word = |up: bool| if up { "up" } else { "down" };
    let body = serde_json::json!({ "database": word(database), "session_store": word(store) });
    let mut response =
        if database && store { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(response.content_type("application/json").body(format!("{body}\n")))
}
