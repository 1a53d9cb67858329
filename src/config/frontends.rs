//! `FRONTEND_URL`: the origins of front ends elsewhere that may call `/auth` with the session's cookie.

use url::{Host, Url};

use super::{hosts, reader::Reader, same_site::SameSite};

/// Front ends at other origins than the site's.
#[derive(Debug, Clone, Default)]
pub struct Frontends {
    urls: Vec<Url>,
    origins: Vec<String>,
}

impl Frontends {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let may_hold = "origins of front ends, comma-separated, each with a scheme and without a path, such as https://app.example.org";
        let urls = reader.parse("FRONTEND_URL", may_hold, Vec::new(), |value| {
            value.split(',').map(|part| origin(part.trim())).collect()
        });
        let origins = urls.iter().map(|url| url.origin().ascii_serialization()).collect();
        Self { urls, origins }
    }

    /// The origins as browsers write them.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Whether an `Origin` is that of a front end. Origins are compared as they are written (RFC 6454 §6.2).
    pub fn has(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }

    /// Why browsers may not send the session's cookie for a front end with this `Origin`; `None`: they do.
    pub fn trouble(&self, origin: &str, site: &Url, same_site: SameSite) -> Option<String> {
        let at = self.origins.iter().position(|known| known == origin)?;
        if is_same_site(&self.urls[at], site) {
            return None;
        }
        let site = site.origin().ascii_serialization();
        let remedy = format!("serve the front end at a host of the same domain as {site}");
        Some(match same_site {
            SameSite::None => format!(
                "browsers that block third-party cookies keep no session for {origin}, which is on another site than {site}; {remedy}"
            ),
            SameSite::Lax | SameSite::Strict => format!(
                "browsers keep no session for {origin}, which is on another site than {site}, while COOKIE_SAMESITE is not none; \
                 {remedy}, or set COOKIE_SAMESITE=none on https"
            ),
        })
    }

    /// What can't work in browsers, one line for each front end.
    pub fn troubles(&self, site: &Url, same_site: SameSite) -> Vec<String> {
        if same_site == SameSite::None {
            return Vec::new();
        }
        let lines = self.origins.iter().filter_map(|origin| self.trouble(origin, site, same_site));
        lines.map(|line| format!("FRONTEND_URL: {line}")).collect()
    }
}

fn origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_reachable = url.host().is_some_and(|host| hosts::is_reachable(&host.to_owned()));
    let is_origin = matches!(url.scheme(), "http" | "https")
        && is_reachable
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_origin.then_some(url)
}

/// Whether browsers take two origins for one site: the scheme and the domain that one owner has are the same (HTML, "schemelessly
/// same site"; RFC 6265bis §5.2).
pub(super) fn is_same_site(one: &Url, other: &Url) -> bool {
    let is_same_host = match (one.host(), other.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => {
            one == other || psl::domain_str(one).is_some_and(|domain| psl::domain_str(other) == Some(domain))
        }
        (one, other) => one == other,
    };
    one.scheme() == other.scheme() && is_same_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_those_of_browsers() {
        for (one, other, same) in [
            ("https://app.example.org", "https://login.example.org", true),
            ("https://app.example.org:8443", "https://example.org", true),
            ("http://app.example.org", "https://login.example.org", false),
            ("https://a.co.uk", "https://b.co.uk", false),
            ("https://a.github.io", "https://b.github.io", false),
            ("http://localhost:5173", "http://localhost:3000", true),
            ("http://127.0.0.1:5173", "http://127.0.0.1:3000", true),
            ("http://127.0.0.1:5173", "http://localhost:3000", false),
            ("https://example.com", "https://example.org", false),
        ] {
            assert_eq!(
                is_same_site(&Url::parse(one).unwrap(), &Url::parse(other).unwrap()),
                same,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn frontends_are_plain_origins() {
        assert_eq!(
            origin("https://App.Example.org:443").unwrap().origin().ascii_serialization(),
            "https://app.example.org"
        );
        for text in [
            "",
            "*",
            "null",
            "app.example.org",
            "https://app.example.org/x",
            "https://*.example.org",
            "https://a@b.org",
            "file:///x",
            "https://a?b",
        ] {
            assert!(origin(text).is_none(), "{text}");
        }
    }
}
