//! The listener of `OPS_ADDR`: health with details, and metrics, for whoever reaches it.

use std::{io, net::TcpListener};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    web::{self, Data},
};

use super::parts::Parts;
use crate::ops::{health, metrics, metrics::Metrics};

/// Seconds for which requests may go on when the server stops.
const SHUTDOWN_TIMEOUT_SECS: u64 = 2;

/// Serves the operator's endpoints on a listener.
///
/// # Errors
/// When the listener can't be used.
pub(super) fn serve(listener: TcpListener, parts: &Parts, metrics: Data<Metrics>) -> io::Result<Server> {
    let parts = parts.clone();
    let app = move || {
        App::new()
            .app_data(parts.db.clone())
            .app_data(parts.sessions.clone())
            .app_data(parts.outbox.clone())
            .app_data(parts.readiness.clone())
            .app_data(metrics.clone())
            .route("/healthz", web::get().to(health::alive))
            .route("/readyz", web::get().to(health::ready_details))
            .route("/metrics", web::get().to(metrics::show))
            .default_service(web::to(async || HttpResponse::NotFound().body("/healthz, /readyz, /metrics\n")))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(SHUTDOWN_TIMEOUT_SECS);
    Ok(server.listen(listener)?.run())
}
