//! A site behind this login that has a cookie of its own: one of `GATE_HOSTS` that the session's cookie does not reach, or
//! `PAGES_HOST`.

use std::fmt;

use url::{Host, Url};

/// A site with a cookie of its own. Shown, it is its host with its port, unless that is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub(super) scheme: String,
    pub(super) host: Host,
    /// `None`: the scheme's own.
    pub(super) port: Option<u16>,
}

impl Site {
    /// The address of a path there, from the configuration and never from a request.
    pub fn href(&self, path: &str) -> String {
        format!("{}://{self}{path}", self.scheme)
    }

    /// The name of a cookie there. Browsers send a cookie to all ports of a host (RFC 6265 §8.5), so that sites at two ports need two
    /// names; over https they keep one of that host alone.
    pub fn cookie_name(&self, purpose: &str) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        let port = self.port.map(|port| format!("-{port}")).unwrap_or_default();
        format!("{prefix}gatehouse-{purpose}{port}")
    }

    /// Whether browsers reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether an address is at this site.
    pub fn has(&self, url: &Url) -> bool {
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_here = url.host().is_some_and(|host| host.to_owned() == self.host) && url.port() == self.port;
        is_plain && is_here && url.scheme() == self.scheme
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_cookies_are_named_by_port() {
        let site = |scheme: &str, port| Site {
            scheme: scheme.to_owned(),
            host: Host::Domain("app.example.net".to_owned()),
            port,
        };
        assert_eq!(site("https", None).cookie_name("site"), "__Host-gatehouse-site");
        assert_eq!(site("https", Some(8443)).cookie_name("site"), "__Host-gatehouse-site-8443");
        assert_eq!(site("http", Some(81)).cookie_name("site-state"), "gatehouse-site-state-81");
        assert_eq!(site("https", Some(8443)).href("/x?y"), "https://app.example.net:8443/x?y");
    }

    #[test]
    fn site_has_its_own_addresses_alone() {
        let site =
            Site { scheme: "https".to_owned(), host: Host::Domain("app.example.net".to_owned()), port: None };
        for (url, expected) in [
            ("https://app.example.net/x?y", true),
            ("https://app.example.net:443/", true),
            ("https://APP.example.net/", true),
            ("https://app.example.net:8443/", false),
            ("http://app.example.net/", false),
            ("https://ada@app.example.net/", false),
            ("https://app.example.net.evil.example/", false),
            ("https://evil.example/app.example.net", false),
        ] {
            assert_eq!(site.has(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
