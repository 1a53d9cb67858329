//! The cross-origin check: refuses unsafe requests that another site made the browser send (ASVS 3.5.1; the algorithm of Go
//! 1.25's `CrossOriginProtection`). It covers every form, so pages need no CSRF tokens.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method,
        header::{HeaderMap, ORIGIN},
    },
};
use url::Url;

use super::{
    host::host_of,
    refusal::{self, Sender},
};
use crate::{config::Config, error::Error, state::shared};

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const SEC_FETCH_MODE: &str = "sec-fetch-mode";

/// Whether a request has a safe method, comes from this site, or was not sent by a browser.
///
/// # Errors
/// [`Error::Internal`] when the application has no configuration; never in one that `app::start` made.
pub fn is_allowed(req: &ServiceRequest) -> Result<bool, Error> {
    if is_safe(req.method()) {
        return Ok(true);
    }
    let site = &shared::<Config>(req.request())?.server.base_url;
    Ok(is_same_origin(req.headers(), site, host_of(req.request())))
}

/// The error for a request that is not allowed, which is logged. `sender`: whose cookie the browser sent along.
pub fn refuse(req: &ServiceRequest, sender: Option<&Sender>) -> Error {
    refusal::log(req.request(), "cross_origin_refused", sender, "sent by a page of another site");
    Error::CrossOrigin
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether a browser sent the request from a page of this site. `host` is one of the site's own; with the scheme of `BASE_URL` it
/// makes the origin of the pages there. Origins are compared as they are written (RFC 6454 §6.2): a URL that has the same
/// origin, such as one with a user name, is none. Browsers send each of the headers once: of several none can be believed.
fn is_same_origin(headers: &HeaderMap, site: &Url, host: Option<&str>) -> bool {
    if [SEC_FETCH_SITE, SEC_FETCH_MODE, ORIGIN.as_str()].iter().any(|name| headers.get_all(*name).count() > 1)
    {
        return false;
    }
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (header(SEC_FETCH_SITE), header(ORIGIN.as_str())) {
        // This site's scripts send no form by themselves.
        (Some(site), _) => {
            let is_page_load = header(SEC_FETCH_MODE).is_none_or(|mode| mode == "navigate");
            is_page_load && matches!(site, "same-origin" | "none")
        }
        (None, None) => true,
        (None, Some(origin)) => {
            let at_host = host.map(|host| format!("{}://{host}", site.scheme()));
            origin == site.origin().ascii_serialization() || at_host.is_some_and(|own| origin == own)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn passes_at(site: &str, host: &str, headers: &[(&str, &str)]) -> bool {
        let req = headers.iter().fold(TestRequest::post(), |req, header| req.append_header(*header));
        is_same_origin(req.to_http_request().headers(), &Url::parse(site).unwrap(), Some(host))
    }

    fn passes(headers: &[(&str, &str)]) -> bool {
        passes_at("https://login.example.org", "sso.example.org", headers)
    }

    #[test]
    fn cross_origin_own_pages_and_scripts_pass() {
        assert!(passes(&[]));
        assert!(passes(&[("sec-fetch-site", "same-origin"), ("origin", "https://odd.example")]));
        assert!(passes(&[("sec-fetch-site", "none")]));
        assert!(passes(&[("origin", "https://login.example.org")]));
        assert!(passes(&[("origin", "https://sso.example.org")]));
        let local = [("origin", "http://127.0.0.1:3000")];
        assert!(passes_at("http://localhost:3000", "127.0.0.1:3000", &local));
    }

    #[test]
    fn cross_origin_scripts_of_this_site_refused() {
        assert!(passes(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")]));
        for mode in ["cors", "no-cors", "same-origin", "websocket", ""] {
            assert!(!passes(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", mode)]), "{mode}");
        }
    }

    #[test]
    fn cross_origin_several_headers_refused() {
        let own = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("origin", "https://login.example.org"),
        ];
        assert!(passes(&own));
        for (again, value) in own.into_iter().chain([("sec-fetch-site", "cross-site"), ("origin", "null")]) {
            assert!(!passes(&[&own[..], &[(again, value)]].concat()), "{again}: {value}");
        }
        assert!(!passes(&[("origin", "https://login.example.org"), ("origin", "https://evil.example")]));
    }

    #[test]
    fn cross_origin_other_sites_refused() {
        assert!(!passes(&[("sec-fetch-site", "cross-site")]));
        assert!(!passes(&[("sec-fetch-site", "same-site")]));
        assert!(!passes(&[("sec-fetch-site", ""), ("origin", "https://login.example.org")]));
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://login.example.org",
            "http://sso.example.org",
            "ftp://login.example.org",
            "ftp://sso.example.org",
            "https://ada@login.example.org",
            "https://ada@sso.example.org",
            "https://login.example.org/",
            "https://login.example.org:8443",
            "https://login.example.org.evil.example",
            "https://login.example.org https://evil.example",
            "//login.example.org",
            "login.example.org",
            "sso.example.org",
        ] {
            assert!(!passes(&[("origin", origin)]), "{origin}");
        }
    }
}
