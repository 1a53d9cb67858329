//! Offers the browser of a new session to register a key.

use std::time::Duration;

use actix_web::{dev::ServiceResponse, http::header::HeaderValue};

use super::challenge::Challenge;
use crate::{
    config::Config,
    error::Error,
    security::binding::{BIND, REGISTRATION},
    sessions::request_context::RequestContext,
    web::cookies,
};

/// How long an offer counts.
pub(super) const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Adds the offer to the answer that gives a browser the cookie of a new session. A client that has asked for a token gets none.
pub(in crate::sessions) fn add_header<B>(
    res: &mut ServiceResponse<B>,
    config: &Config,
    context: &RequestContext,
) {
    let Some(session) = &context.started else { return };
    if config.session.binding.is_none()
        || cookies::is_to_set_none(res.request())
        || !cookies::sets(res.headers(), &config.session.cookie_name)
    {
        return;
    }
    match header(session, config) {
        Ok(offer) => drop(res.headers_mut().insert(REGISTRATION, offer)),
        Err(error) => tracing::error!(error = ?error.causes(), "a session was not offered to be bound"),
    }
}

fn header(session: &str, config: &Config) -> Result<HeaderValue, Error> {
    let challenge = Challenge::to_register(session).seal(&config.session.secret)?;
    let offer = format!("(ES256);path=\"{BIND}\";challenge=\"{challenge}\";authorization=\"{session}\"");
    HeaderValue::from_str(&offer).map_err(Error::internal)
}
