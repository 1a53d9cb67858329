//! The cross-origin check: refuses unsafe requests that another site made the browser send (ASVS 3.5.1; the algorithm of Go
//! 1.25's `CrossOriginProtection`). It covers every form, so pages need no CSRF tokens.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method,
        header::{HOST, HeaderMap, ORIGIN},
    },
};
use url::Url;

use super::client::Client;
use crate::{config::Config, error::Error, state::shared};

/// Checks that a request with an unsafe method comes from this site or not from a browser; logs a refusal.
///
/// # Errors
/// [`Error::Forbidden`] for an unsafe request from another site.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    if is_safe(req.method()) {
        return Ok(());
    }
    let server = &shared::<Config>(req.request())?.server;
    if is_same_origin(req.headers(), &server.base_url) {
        return Ok(());
    }
    tracing::warn!(
        target: "gatehouse::security",
        kind = "cross_origin_refused",
        ip = %Client::of(req.request(), &server.trusted_proxies).ip,
        method = %req.method(),
        path = ?req.path(),
        origin = ?req.headers().get(ORIGIN),
    );
    Err(Error::Forbidden(
        "This request came from another site, so nothing was done. Open the page here and try again.",
    ))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn is_same_origin(headers: &HeaderMap, base_url: &Url) -> bool {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
        // This site's scripts send no form by themselves.
        (Some(site), _) => {
            let is_page_load = header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
            is_page_load && matches!(site, "same-origin" | "none")
        }
        (None, None) => true,
        (None, Some(origin)) => {
            let own_origin = base_url.origin().ascii_serialization();
            origin == own_origin
                || Url::parse(origin).is_ok_and(|origin| has_host(&origin, header(HOST.as_str())))
        }
    }
}

/// Whether the host and port of an origin equal the `Host` header of the request.
fn has_host(origin: &Url, host: Option<&str>) -> bool {
    host.is_some_and(|host| &origin[url::Position::BeforeHost..url::Position::AfterPort] == host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn passes(headers: &[(&str, &str)]) -> bool {
        let req = headers.iter().fold(TestRequest::post(), |req, header| req.insert_header(*header));
        let base_url = Url::parse("https://login.example.org").unwrap();
        is_same_origin(req.to_http_request().headers(), &base_url)
    }

    #[test]
    fn cross_origin_own_pages_and_scripts_pass() {
        assert!(passes(&[]));
        assert!(passes(&[("sec-fetch-site", "same-origin"), ("origin", "https://odd.example")]));
        assert!(passes(&[("sec-fetch-site", "none")]));
        assert!(passes(&[("origin", "https://login.example.org")]));
        assert!(passes(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")]));
    }

    #[test]
    fn cross_origin_scripts_of_this_site_refused() {
        assert!(passes(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")]));
        for mode in ["cors", "no-cors", "same-origin", "websocket", ""] {
            assert!(!passes(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", mode)]), "{mode}");
        }
    }

    #[test]
    fn cross_origin_other_sites_refused() {
        assert!(!passes(&[("sec-fetch-site", "cross-site")]));
        assert!(!passes(&[("sec-fetch-site", "same-site")]));
        assert!(!passes(&[("sec-fetch-site", ""), ("origin", "https://login.example.org")]));
        assert!(!passes(&[("origin", "null")]));
        assert!(!passes(&[("origin", "https://evil.example"), ("host", "login.example.org")]));
        assert!(!passes(&[("origin", "http://login.example.org")]));
        assert!(!passes(&[("origin", "https://login.example.org.evil.example")]));
    }
}
