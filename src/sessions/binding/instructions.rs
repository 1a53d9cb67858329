//! What a browser is told about a bound session: which cookie it renews where, and for which requests. And the header with the next
//! challenge.

use actix_web::http::header::HeaderValue;
use serde_json::{Value, json};

use super::cookie;
use crate::{
    config::{Binding, Config},
    error::Error,
    security::binding::REFRESH,
};

/// What needs no session: browsers hold none of it back until a proof is renewed.
const WITHOUT_SESSION: [&str; 4] = ["/static", "/favicon.ico", "/.well-known", REFRESH];

/// The answer to a browser that has proven that it has the key of a session.
pub(super) fn instructions(config: &Config, binding: &Binding, session: &str) -> Value {
    let exclude = |path| json!({"type": "exclude", "domain": "*", "path": path});
    let mut scope = json!({
        "include_site": binding.site.is_some(),
        "scope_specification": WITHOUT_SESSION.map(exclude),
    });
    if let Some(site) = &binding.site {
        scope["origin"] = json!(site.origin().ascii_serialization());
    }
    json!({
        "session_identifier": session,
        "refresh_url": REFRESH,
        "scope": scope,
        "credentials": [{
            "type": "cookie",
            "name": cookie::name(config),
            "attributes": cookie::attributes(config),
        }],
        // People follow links from other sites, and front ends are at other sites.
        "allowed_refresh_initiators": ["*"],
    })
}

/// The answer to a browser whose session is over.
pub fn over(session: &str) -> Value {
    json!({"session_identifier": session, "continue": false})
}

/// The hosts that bind sessions of the whole site, as its main host has to say; `None`: sessions are those of one host.
pub fn registering_origins(config: &Config) -> Option<Value> {
    config.session.binding.as_ref()?.site.as_ref()?;
    Some(json!({"registering_origins": [config.server.base_url.origin().ascii_serialization()]}))
}

/// The header that gives a browser the next challenge.
pub(super) fn challenge_header(session: &str, challenge: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(&format!("\"{challenge}\";id=\"{session}\"")).map_err(Error::internal)
}
