//! The security headers of every response, including errors (ASVS 3.4).

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

/// The content security policy of this site's pages.
const OWN_PAGES_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
/// The content security policy of the operator's pages, which may also load fonts, media and frames of this site; inline
/// scripts stay forbidden.
const OPERATOR_PAGES_CSP: &str = "default-src 'self'; img-src 'self' data:; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

/// The headers that are the same on every response.
const FIXED_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// Adds the headers to a response or to the response of an error.
///
/// # Errors
/// The given error, with the headers on its response.
pub fn add(
    server: &Server,
    path: &str,
    result: Result<ServiceResponse<BoxBody>, ActixError>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let is_https = server.is_https();
    let is_operator_page = path.starts_with("/pages/");
    match result {
        Ok(mut res) => {
            insert(res.headers_mut(), is_operator_page, is_https);
            Ok(res)
        }
        Err(error) => {
            let mut response = error.as_response_error().error_response();
            insert(response.headers_mut(), is_operator_page, is_https);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

fn insert(headers: &mut HeaderMap, is_operator_page: bool, is_https: bool) {
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = if is_operator_page { OPERATOR_PAGES_CSP } else { OWN_PAGES_CSP };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_https {
        let two_years = StrictTransportSecurity::new(Duration::from_secs(2 * 365 * 24 * 60 * 60));
        let Ok(value) = two_years.include_subdomains().try_into_value();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}
