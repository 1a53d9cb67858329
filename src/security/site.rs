//! Requests that are for another site, one with a cookie of its own: those that a proxy asks about, those below `/.gatehouse/` that
//! it hands over, and all for `PAGES_HOST`.

use actix_web::dev::RequestHead;
use url::Host;

use super::{api, named_host, same_origin::same_origin_path};
use crate::config::{Server, Site};

/// What the paths at a site that its proxy hands over begin with.
pub const PREFIX: &str = "/.gatehouse";

/// Where a browser goes that is to become known at a site.
const SIGN_IN: &str = "/.gatehouse/sign-in";

/// The site that a request is for. Of a site behind a proxy only a trusted one is believed.
pub fn of(server: &Server, req: &RequestHead) -> Option<Site> {
    if is_at_pages_host(server, req) {
        return server.pages_site();
    }
    if server.gate.sites().is_empty() || !server.trusts(req.peer_addr) {
        return None;
    }
    let named = match req.uri.path() {
        api::VERIFY => named_host::forwarded(req)?,
        path if is_handed_over(path) => named_host::single(req)?,
        _ => return None,
    };
    server.gate.site(named).cloned()
}

/// Whether a path is one that proxies hand over.
pub fn is_handed_over(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a request is for the host of the operator's pages. Nothing of this site is answered there, so that scripts of those pages
/// share no origin with it.
pub fn is_at_pages_host(server: &Server, req: &RequestHead) -> bool {
    let Some(pages_host) = &server.pages_host else {
        return false;
    };
    named_host::named(req).flatten().any(|host| host == Host::Domain(pages_host.as_str()))
}

/// Where a browser becomes known at a site, and goes on to this page of it.
pub fn sign_in_href(site: &Site, page: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", page).finish();
    site.href(&format!("{SIGN_IN}?{query}"))
}

/// The path and query of a page of a site that a field of a query names; its front page for anything else.
pub fn page(next: &str) -> String {
    let path = same_origin_path(next).filter(|path| !is_handed_over(path));
    path.unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::HOST, test::TestRequest};
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::config::Config;

    fn server() -> Server {
        let folder = tempfile::TempDir::new().unwrap();
        let vars = [
            ("DATABASE_URL", format!("sqlite://{}/site.db", folder.path().display())),
            ("BASE_URL", "https://login.example.org".to_owned()),
            ("PAGES_DIR", "/usr".to_owned()),
            ("PAGES_HOST", "Pages.example.org".to_owned()),
            ("GATE_HOSTS", "app.example.net,login.example.org:81".to_owned()),
            ("TRUSTED_PROXIES", "10.0.0.0/8".to_owned()),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value));
        Config::from_vars(vars).unwrap().server
    }

    #[test]
    fn pages_host_is_known_by_its_name() {
        let server = server();
        for (host, expected) in [
            ("pages.example.org", true),
            ("PAGES.example.org:8443", true),
            ("login.example.org", false),
            ("a.pages.example.org", false),
            ("pages.example.org.evil.example", false),
        ] {
            let req = TestRequest::get().insert_header((HOST, host)).to_http_request();
            assert_eq!(is_at_pages_host(&server, req.head()), expected, "{host}");
            assert_eq!(of(&server, req.head()).is_some(), expected, "{host}");
        }
        let absolute = TestRequest::get().uri("http://pages.example.org/x").to_http_request();
        assert!(is_at_pages_host(&server, absolute.head()));
    }

    #[test]
    fn site_is_named_by_a_trusted_proxy_alone() {
        let server = server();
        let found = |path: &str, peer: &str, headers: &[(&str, &str)]| {
            let req = TestRequest::get().uri(path).peer_addr(peer.parse().unwrap());
            let req = headers.iter().fold(req, |req, header| req.append_header(*header));
            of(&server, req.to_http_request().head()).map(|site| site.to_string())
        };
        let (proxy, client) = ("10.0.0.1:1", "192.0.2.1:1");
        let site = Some("app.example.net".to_owned());
        let (host, forwarded) = (("host", "app.example.net"), ("x-forwarded-host", "app.example.net"));
        assert_eq!(found("/.gatehouse/callback", proxy, &[host]), site);
        assert_eq!(found("/auth/verify?role=admin", proxy, &[forwarded]), site);
        for (path, peer, headers) in [
            ("/.gatehouse/callback", client, &[host][..]),
            ("/.gatehouse/callback", proxy, &[forwarded]),
            ("/.gatehouse/callback", proxy, &[("host", "login.example.org"), forwarded]),
            ("/.gatehouse/callback", proxy, &[host, host]),
            ("/.gatehouse/callback", proxy, &[("host", "app.example.net:8443")]),
            ("/.gatehouse/callback", proxy, &[("host", "login.example.org:81")]),
            ("http://login.example.org/.gatehouse/callback", proxy, &[host]),
            ("/.gatehousex", proxy, &[host]),
            ("/x/.gatehouse/callback", proxy, &[host]),
            ("/login", proxy, &[host]),
            ("/auth/verify", client, &[forwarded]),
            ("/auth/verify", proxy, &[host]),
            ("/auth/verify", proxy, &[forwarded, forwarded]),
            ("/auth/verify", proxy, &[("x-forwarded-host", "app.example.net, app.example.net")]),
            ("/auth/verify", proxy, &[("x-forwarded-host", "login.example.org:81")]),
            ("/auth/session", proxy, &[forwarded]),
        ] {
            assert_eq!(found(path, peer, headers), None, "{path} {peer} {headers:?}");
        }
    }

    #[test]
    fn page_is_of_the_site_itself() {
        for (next, expected) in [
            ("/a b?x=1&y", "/a%20b?x=1&y"),
            ("/login?next=/x", "/login?next=/x"),
            ("/auth/x", "/auth/x"),
            ("", "/"),
            ("//evil.example/x", "/"),
            ("/\\evil.example", "/"),
            ("/.//evil.example", "/"),
            ("https://evil.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/.gatehouse/sign-in?next=/x", "/"),
            ("/x/../.gatehouse/sign-out", "/"),
        ] {
            assert_eq!(page(next), expected, "{next}");
        }
    }

    proptest! {
        #[test]
        fn page_stays_at_the_site(next in "[/\\\\.a-z:@%?#\t ]{0,12}") {
            let site = Url::parse("https://app.example.net").unwrap();
            let there = site.join(&page(&next)).unwrap();
            prop_assert_eq!(there.origin(), site.origin());
            prop_assert!(!there.path().starts_with("/.gatehouse/"));
        }
    }
}
