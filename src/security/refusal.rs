//! The log entry of a request that was refused (ASVS 16.3.2): who, from where, what.

use actix_web::{
    HttpRequest,
    http::header::{HOST, HeaderName, ORIGIN},
};

use super::client::Client;
use crate::{config::Config, state::shared, telemetry::shown_in_log};

/// Who sent a request, by the user's id and the session's public id.
pub type Sender = (i64, String);

/// Writes the entry. `kind` is what entries are found by, `detail` the reason in words.
pub fn log(req: &HttpRequest, kind: &'static str, sender: Option<&Sender>, detail: &str) {
    let proxies = shared::<Config>(req).map(|config| config.server.trusted_proxies.as_slice());
    tracing::warn!(
        target: "gatehouse::security",
        kind,
        user = sender.map(|(user, _)| user),
        session = sender.map(|(_, session)| session.as_str()),
        ip = %Client::of(req, proxies.unwrap_or_default()).ip,
        method = %req.method(),
        path = shown_in_log(req.path().as_bytes()),
        host = text(req, HOST),
        origin = text(req, ORIGIN),
        detail,
    );
}

fn text(req: &HttpRequest, name: HeaderName) -> Option<String> {
    Some(shown_in_log(req.headers().get(name)?.as_bytes()))
}
