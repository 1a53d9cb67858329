//! Health checks for operators, containers and load balancers: `/healthz` and `/readyz`.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{db::Db, error::Error, sessions::Sessions};

/// `GET /healthz`: the process answers requests; touches no store.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`, from loopback addresses only: asks what sign-ins and pages need of database and store, in their way. States in JSON whether database and session store are up, with status 200 or 503.
///
/// # Errors
/// [`Error::NotFound`] for a peer whose address is not a loopback address.
pub async fn ready(
    req: HttpRequest,
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Error> {
    let is_loopback = req.peer_addr().is_some_and(|peer| IpAddr::to_canonical(&peer.ip()).is_loopback());
    if !is_loopback {
        return Err(Error::NotFound);
    }
    let database_up = db.check_writable().await.is_ok() && sessions.check_lookup().await.is_ok();
    let store_up = sessions.check().await.is_ok();
    let state = |up: bool| if up { "up" } else { "down" };
    let body = serde_json::json!({ "database": state(database_up), "session_store": state(store_up) });
    let mut response =
        if database_up && store_up { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(response.content_type("application/json").body(format!("{body}\n")))
}
