//! The log entry of each request.

use std::time::Instant;

use actix_web::{HttpRequest, http::StatusCode};
use tracing::Level;

use crate::{
    layout::error_pages::RequestInfo, security::Client, sessions::CurrentUser, telemetry::shown_in_log,
    web::RoutePattern,
};

/// What probes ask for, all day long; it is not logged.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Writes one entry: who asked for what, and what the answer was. Without the query, which has tokens.
pub(super) fn log(
    info: &RequestInfo,
    req: Option<&HttpRequest>,
    route: RoutePattern,
    status: StatusCode,
    began: Instant,
) {
    if PROBES.contains(&route.0) || !tracing::enabled!(target: "gatehouse::requests", Level::INFO) {
        return;
    }
    let by = req.and_then(CurrentUser::resolved).flatten();
    let ip = req.map(|req| Client::ip_of(req, &info.config().server.trusted_proxies));
    tracing::info!(
        target: "gatehouse::requests",
        request_id = %info.id(),
        trace_id = info.trace_id(),
        method = %info.method(),
        path = shown_in_log(info.path().as_bytes()),
        status = status.as_u16(),
        ms = (began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
        ip = ip.map(tracing::field::display),
        user = by.as_ref().map(|user| user.id),
        session = by.as_ref().map(|user| user.session.id.as_str()),
        "request"
    );
}
