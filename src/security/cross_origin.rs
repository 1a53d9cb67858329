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
    api, binding,
    host::host_of,
    refusal::{self, Sender},
};
use crate::{config::Config, error::Error, state::shared};

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const SEC_FETCH_MODE: &str = "sec-fetch-mode";

/// Whether a request has a safe method, comes from this site or, as a call, from a front end of `FRONTEND_URL`, or was not sent by a
/// browser.
///
/// # Errors
/// [`Error::Internal`] when the application has no configuration; never in one that `app::start` made.
pub fn is_allowed(req: &ServiceRequest) -> Result<bool, Error> {
    if is_safe(req.method()) {
        return Ok(true);
    }
    let is_call = api::is_call(req.path());
    // No page of another site makes a browser send this header, without being asked first (CORS).
    if is_call && api::bearer(req.headers()).is_some() {
        return Ok(true);
    }
    if binding::is_by_browser(req) {
        return Ok(true);
    }
    let takes_scripts = api::is_json(req.path());
    let senders = if takes_scripts { Senders::PagesAndScripts } else { Senders::Pages };
    let server = &shared::<Config>(req.request())?.server;
    let mut origins = req.headers().get_all(ORIGIN).map(|origin| origin.to_str().unwrap_or("unreadable"));
    let origin = origins.next().filter(|_| origins.next().is_none());
    let is_from_frontend = is_call && origin.is_some_and(|origin| server.frontends.has(origin));
    Ok(is_from_frontend || is_same_origin(req.headers(), &server.base_url, host_of(req.request()), senders))
}

/// The error for a request that is not allowed, which is logged. `sender`: whose cookie the browser sent along.
pub fn refuse(req: &ServiceRequest, sender: Option<&Sender>) -> Error {
    refusal::log(req.request(), "cross_origin_refused", sender, "sent by a page of another site");
    Error::CrossOrigin
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// What of this site's origin may send a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Senders {
    /// Forms of pages. This site's scripts send none by themselves, so another script is one that does not belong here.
    Pages,
    /// Also a front end that a proxy has put at this origin. The operator's pages are none: at this origin they run no script
    /// (`headers::PAGES_WITHOUT_SCRIPTS_CSP`).
    PagesAndScripts,
}

/// Whether a browser sent the request from a page of this site. `host` is one of the site's own; with the scheme of `BASE_URL` it
/// makes the origin of the pages there. Origins are compared as they are written (RFC 6454 §6.2): a URL that has the same
/// origin, such as one with a user name, is none. Browsers send each of the headers once: of several none can be believed.
fn is_same_origin(headers: &HeaderMap, site: &Url, host: Option<&str>, senders: Senders) -> bool {
    if [SEC_FETCH_SITE, SEC_FETCH_MODE, ORIGIN.as_str()].iter().any(|name| headers.get_all(*name).count() > 1)
    {
        return false;
    }
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (header(SEC_FETCH_SITE), header(ORIGIN.as_str())) {
        (Some(site), _) => {
            let is_page_load = header(SEC_FETCH_MODE).is_none_or(|mode| mode == "navigate");
            let is_from_own = matches!(site, "same-origin" | "none");
            is_from_own && (is_page_load || senders == Senders::PagesAndScripts)
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
        let (req, site) = (req.to_http_request(), Url::parse(site).unwrap());
        is_same_origin(req.headers(), &site, Some(host), Senders::Pages)
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
    fn cross_origin_calls_of_scripts_pass_from_this_origin_alone() {
        let site = Url::parse("https://login.example.org").unwrap();
        for (from, passes) in
            [("same-origin", true), ("same-site", false), ("cross-site", false), ("", false)]
        {
            for mode in ["cors", "same-origin", "navigate"] {
                let req = TestRequest::post().insert_header(("sec-fetch-site", from));
                let req = req.insert_header(("sec-fetch-mode", mode)).to_http_request();
                let found = is_same_origin(req.headers(), &site, None, Senders::PagesAndScripts);
                assert_eq!(found, passes, "{from} {mode}");
            }
        }
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
