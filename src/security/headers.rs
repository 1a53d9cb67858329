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

use super::site;
use crate::config::Server;

/// The content security policy of this site's pages.
const OWN_PAGES_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
/// The content security policy of the operator's pages where they share this site's origin: they run no script and send no form,
/// since either could act for their reader on all pages of the site. Whatever loads is of this site.
pub const PAGES_WITHOUT_SCRIPTS_CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; media-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
/// The content security policy of the operator's pages at a host of their own, with scripts and forms for that host; inline
/// scripts stay forbidden, and so are workers: a service worker would answer for pages that were not asked for yet.
pub const PAGES_HOST_CSP: &str = "default-src 'self'; img-src 'self' data:; worker-src 'none'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

/// The content security policy of the operator's picture: whoever opens it by itself runs nothing of it.
pub const PICTURE_CSP: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

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

/// Adds the headers to a response or to the response of an error. A content security policy that it has stays.
///
/// # Errors
/// The given error, with the headers on its response.
pub fn add(
    server: &Server,
    result: Result<ServiceResponse<BoxBody>, ActixError>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match result {
        Ok(mut res) => {
            insert(res.headers_mut(), server);
            if server.is_https() && site::of(server, res.request().head()).is_some() {
                // What is below the host of another site is not this one's to decide.
                res.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts(two_years()));
            }
            Ok(res)
        }
        Err(error) => {
            let mut response = error.as_response_error().error_response();
            insert(response.headers_mut(), server);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Adds the headers to those of an answer.
pub fn insert(headers: &mut HeaderMap, server: &Server) {
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, own_pages_policy(server));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if server.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts(two_years().include_subdomains()));
    }
}

fn two_years() -> StrictTransportSecurity {
    StrictTransportSecurity::new(Duration::from_secs(2 * 365 * 24 * 60 * 60))
}

fn hsts(header: StrictTransportSecurity) -> HeaderValue {
    let Ok(value) = header.try_into_value();
    value
}

/// The policy of this site's own pages. Browsers hold the redirects after a form to `form-action`, and those after a sign-in may
/// lead to `PAGES_HOST`, to `HOME_URL` and to the sites behind this login.
fn own_pages_policy(server: &Server) -> HeaderValue {
    let others: Vec<String> = server
        .pages_site()
        .map(|site| site.href(""))
        .into_iter()
        .chain(server.gate.form_targets())
        .chain(server.home_origin())
        .collect();
    if others.is_empty() {
        return HeaderValue::from_static(OWN_PAGES_CSP);
    }
    let targets = format!("form-action 'self' {}", others.join(" "));
    let policy = OWN_PAGES_CSP.replace("form-action 'self'", &targets);
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(OWN_PAGES_CSP))
}
