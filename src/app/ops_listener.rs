//! The listener of `OPS_ADDR`: health with details, and metrics, for whoever reaches it.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{Server, ServerHandle},
    web::{self, Data},
};

use super::parts::Parts;
use crate::{
    error::Error,
    ops::{health, metrics, metrics::Metrics},
};

/// Seconds for which requests may go on when the server stops.
const SHUTDOWN_TIMEOUT_SECS: u64 = 2;

/// The listener while it serves.
pub(super) struct OpsListener {
    /// Its address.
    pub(super) addr: SocketAddr,
    handle: ServerHandle,
}

impl OpsListener {
    /// Starts to serve.
    ///
    /// # Errors
    /// [`Error::Internal`] when the listener can't be used.
    pub(super) fn start(listener: TcpListener, parts: &Parts) -> Result<Self, Error> {
        let addr = listener.local_addr().map_err(Error::internal)?;
        let metrics = Data::new(Metrics::new(|registry| parts.register_metrics(registry)));
        let server = serve(listener, parts, metrics).map_err(Error::internal)?;
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Ok(Self { addr, handle })
    }

    /// Ends it.
    pub(super) async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Serves the operator's endpoints on a listener.
///
/// # Errors
/// When the listener can't be used.
fn serve(listener: TcpListener, parts: &Parts, metrics: Data<Metrics>) -> io::Result<Server> {
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
