//! The target of the redirect after signing in: paths of this site only.

use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    api,
    same_origin::{MAX_LENGTH, same_origin_path},
    site,
};
use crate::config::Server;

/// What a browser does not show as a page, with all that is below it; nor does anybody want to end at a page that signs in or out.
const NO_PAGES: [&str; 18] = [
    "/login",
    "/logout",
    "/register",
    "/setup",
    "/session/events",
    "/admin/sessions/events",
    "/admin/events.csv",
    "/profile/export",
    "/static",
    "/healthz",
    "/readyz",
    "/favicon.ico",
    "/apple-touch-icon.png",
    "/icon-192.png",
    "/icon-512.png",
    "/site.webmanifest",
    "/robots.txt",
    "/.well-known",
];

/// The path and query that `next` names, or `None` when it is not a page of this site, or is the page for signing in, signing
/// out, registering or setting up.
pub fn local_path(next: &str) -> Option<String> {
    same_origin_path(next).filter(|path| is_page(path.split(['?', '#']).next().unwrap_or_default()))
}

/// Where `next` leads after signing in: to a page of this site, or to a site behind this login (`COOKIE_DOMAIN`, `GATE_HOSTS`), to one
/// with a cookie of its own by way of that cookie.
pub fn next_page(next: &str, server: &Server) -> Option<String> {
    if next.starts_with('/') {
        return local_path(next);
    }
    let is_plain = next.len() <= MAX_LENGTH && !next.contains('\\') && !next.chars().any(char::is_control);
    let url = Url::parse(next).ok().filter(|_| is_plain)?;
    if url.origin() == server.base_url.origin() {
        return local_path(&url[url::Position::BeforePath..url::Position::AfterQuery]);
    }
    if let Some(other) = server.gate.sites().iter().find(|site| site.has(&url)) {
        let page = site::page(&url[url::Position::BeforePath..url::Position::AfterQuery]);
        return Some(site::sign_in_href(other, &page));
    }
    server.gate.leads_to(&url).then(|| url.into())
}

/// Routes are found by the path without its escapes.
fn is_page(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let is_at_or_below =
        |above: &&str| path.strip_prefix(*above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !api::is_json(&path) && !NO_PAGES.iter().any(is_at_or_below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn next_accepts_local_paths_only() {
        for (next, expected) in [
            ("/profile", Some("/profile")),
            ("/admin/sessions?q=a&ip=10.0.0.0%2F8", Some("/admin/sessions?q=a&ip=10.0.0.0%2F8")),
            ("/pages/a b", Some("/pages/a%20b")),
            ("/a/../b", Some("/b")),
            ("", None),
            ("profile", None),
            ("//evil.example", None),
            ("/\\evil.example", None),
            ("\\\\evil.example", None),
            ("https:evil.example", None),
            ("https://evil.example", None),
            ("/\t/evil.example", None),
            ("/.//evil.example", None),
            ("/..//evil.example", None),
            ("/logout", None),
            ("/login?next=/login", None),
            ("/session/events", None),
            ("/session/%65vents?list=on", None),
            ("/x/../session/./events#x", None),
            ("/admin/sessions/events", None),
            ("/admin/sessions/ends/x", Some("/admin/sessions/ends/x")),
            ("/admin/events", Some("/admin/events")),
            ("/admin/events.csv?q=a", None),
            ("/static/app.css", None),
            ("/readyz", None),
            ("/login/", None),
            ("/loginx", Some("/loginx")),
            ("/auth/session", None),
            ("/auth/docs", Some("/auth/docs")),
        ] {
            assert_eq!(local_path(next).as_deref(), expected, "{next:?}");
        }
    }

    proptest! {
        #[test]
        fn next_stays_on_this_site(next in "[/\\\\.a-z:@%?#\t ]{0,12}") {
            if let Some(path) = local_path(&next) {
                let site = Url::parse("https://login.example.org/x").unwrap();
                prop_assert_eq!(site.join(&path).unwrap().origin(), site.origin());
            }
        }
    }
}
