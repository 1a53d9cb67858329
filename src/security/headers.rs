//! The headers that every answer carries, errors too (ASVS 3.4).

use std::time::Duration;

use actix_web::{
    Error as ActixError,
    body::BoxBody,
    dev::ServiceResponse,
    error::InternalError,
    http::header::{self, HeaderMap, HeaderName, HeaderValue, TryIntoHeaderValue as _},
};
use actix_web_lab::header::StrictTransportSecurity;

use crate::config::Server;

const OWN_PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
/// The operator's HTML may also bring fonts, media and frames of this site; inline script stays forbidden.
const OPERATOR_PAGES: &str = "default-src 'self'; img-src 'self' data:; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

const EVERYWHERE: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// Adds the headers to whatever comes out, also to an error.
pub fn add(
    server: &Server,
    path: &str,
    result: Result<ServiceResponse<BoxBody>, ActixError>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let https = server.is_https();
    let operator = path.starts_with("/pages/");
    match result {
        Ok(mut res) => {
            insert(res.headers_mut(), operator, https);
            Ok(res)
        }
        Err(error) => {
            let mut response = error.as_response_error().error_response();
            insert(response.headers_mut(), operator, https);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

fn insert(headers: &mut HeaderMap, operator: bool, https: bool) {
    for (name, value) in EVERYWHERE {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = if operator { OPERATOR_PAGES } else { OWN_PAGES };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if https {
        let two_years = StrictTransportSecurity::new(Duration::from_secs(2 * 365 * 24 * 60 * 60));
        let Ok(value) = two_years.include_subdomains().try_into_value();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}
