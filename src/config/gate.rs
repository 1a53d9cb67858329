//! The sites behind this login: `GATE_HOSTS`, and what `COOKIE_DOMAIN` covers.

use url::{Host, Url};

use super::{
    Server, Session, frontends::is_same_site, hosts, reader::Reader, same_site::SameSite, site::Site,
};

/// The sites that a proxy lets people into after asking here, besides this one. The session's cookie reaches the host of `BASE_URL` at
/// other ports, and hosts of `COOKIE_DOMAIN`; every other site has a cookie of its own.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// The scheme of all of them.
    scheme: String,
    /// `COOKIE_DOMAIN`: all hosts below are meant, at the port of `BASE_URL`.
    domain: Option<String>,
    port: Option<u16>,
    /// `GATE_HOSTS`: hosts with a port, if it is not the scheme's own.
    hosts: Vec<(Host, Option<u16>)>,
    /// Those of `GATE_HOSTS` that the session's cookie does not reach.
    sites: Vec<Site>,
}

impl Gate {
    pub(super) fn read(reader: &mut Reader, server: &Server, session: &Session) -> Self {
        let (base, domain) = (&server.base_url, session.cookie_domain.clone());
        let may_hold = "hosts of sites behind this login, comma-separated, such as app.example.net or localhost:8080; not PAGES_HOST, nor one \
                        of ALLOWED_HOSTS; not on another site than BASE_URL while COOKIE_SAMESITE is strict";
        let site = |(host, port): (Host, Option<u16>)| Site { scheme: base.scheme().to_owned(), host, port };
        let is_reached = |host: &Host| {
            base.host().is_some_and(|own| own.to_owned() == *host)
                || domain.as_deref().is_some_and(|domain| covers(domain, host))
        };
        let is_allowed = |host: &(Host, Option<u16>)| {
            let url = Url::parse(&site(host.clone()).href("/"));
            let gets_cookie =
                url.is_ok_and(|url| is_same_site(&url, base)) || session.same_site != SameSite::Strict;
            is_reached(&host.0) || (gets_cookie && server.may_be_of_other_site(&host.0))
        };
        let hosts = reader.parse("GATE_HOSTS", may_hold, Vec::new(), |value| {
            value
                .split(',')
                .map(|part| host_and_port(part.trim(), base.scheme()).filter(is_allowed))
                .collect()
        });
        let sites = hosts.iter().filter(|(host, _)| !is_reached(host)).cloned().map(site).collect();
        Self { scheme: base.scheme().to_owned(), domain, port: base.port(), hosts, sites }
    }

    /// Whether there is any site behind this login.
    pub fn has_sites(&self) -> bool {
        self.domain.is_some() || !self.hosts.is_empty()
    }

    /// Whether the session's cookie reaches an address: by the scheme, and the host of `BASE_URL` or one below `COOKIE_DOMAIN`.
    pub fn shares_cookie_with(&self, url: &Url, base: &Url) -> bool {
        let is_below = |host: Host| self.domain.as_deref().is_some_and(|domain| covers(domain, &host));
        let host = url.host().map(|host| host.to_owned());
        url.scheme() == base.scheme() && (url.host() == base.host() || host.is_some_and(is_below))
    }

    /// The sites that have a cookie of their own.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The site with a cookie of its own that a `Host` header names.
    pub fn site(&self, host: &str) -> Option<&Site> {
        if self.sites.is_empty() {
            return None;
        }
        let (host, port) = host_and_port(host, &self.scheme)?;
        self.sites.iter().find(|site| site.host == host && site.port == port)
    }

    /// What can't work, one line each.
    pub fn troubles(&self, server: &Server) -> Vec<String> {
        if !server.trusted_proxies.is_empty() {
            return Vec::new();
        }
        let line = |site: &Site| {
            format!(
                "GATE_HOSTS: nobody can sign in at {site}, whose proxy is not named in TRUSTED_PROXIES: which site a request is for is \
                 believed of trusted proxies alone"
            )
        };
        self.sites.iter().map(line).collect()
    }

    /// Whether people may be sent back to an address after signing in.
    pub fn leads_to(&self, url: &Url) -> bool {
        let Some(host) = url.host().map(|host| host.to_owned()) else {
            return false;
        };
        let is_plain = url.scheme() == self.scheme && url.username().is_empty() && url.password().is_none();
        let is_below =
            self.domain.as_deref().is_some_and(|domain| covers(domain, &host)) && url.port() == self.port;
        is_plain && (is_below || self.hosts.contains(&(host, url.port())))
    }

    /// Where the redirect after a form may lead, as sources of a content security policy.
    pub fn form_targets(&self) -> impl Iterator<Item = String> {
        let at = |host: &str, port: Option<u16>| match port {
            Some(port) => format!("{}://{host}:{port}", self.scheme),
            None => format!("{}://{host}", self.scheme),
        };
        let domain = self.domain.as_deref().into_iter();
        let below =
            domain.flat_map(move |domain| [at(domain, self.port), at(&format!("*.{domain}"), self.port)]);
        below.chain(self.hosts.iter().map(move |(host, port)| at(&host.to_string(), *port)))
    }
}

fn covers(domain: &str, host: &Host) -> bool {
    let Host::Domain(host) = host else {
        return false;
    };
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A host with a port, which is `None` if it is the scheme's own.
fn host_and_port(text: &str, scheme: &str) -> Option<(Host, Option<u16>)> {
    let url = Url::parse(&format!("{scheme}://{text}")).ok()?;
    let is_bare = url.path() == "/"
        && !text.contains(['/', '?', '#', '@', '\\'])
        && url.query().is_none()
        && url.fragment().is_none();
    let host = url.host()?.to_owned();
    (is_bare && hosts::is_reachable(&host)).then_some((host, url.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn gate(scheme: &str, domain: Option<&str>, port: Option<u16>, hosts: &[&str]) -> Gate {
        let hosts = hosts.iter().map(|host| host_and_port(host, scheme).unwrap()).collect();
        Gate { scheme: scheme.to_owned(), domain: domain.map(str::to_owned), port, hosts, sites: Vec::new() }
    }

    #[test]
    fn gate_leads_to_its_hosts_alone() {
        let gate = gate("https", Some("example.org"), None, &["login.example.org:8443"]);
        for (url, leads) in [
            ("https://app.example.org/x?y=1", true),
            ("https://a.b.example.org", true),
            ("https://example.org/", true),
            ("https://login.example.org:8443/", true),
            ("https://APP.Example.ORG/", true),
            ("https://app.example.org:8443/", false),
            ("http://app.example.org/", false),
            ("ftp://app.example.org/", false),
            ("https://evilexample.org/", false),
            ("https://example.org.evil.example/", false),
            ("https://example.org@evil.example/", false),
            ("https://ada@app.example.org/", false),
            ("https://evil.example/?https://app.example.org", false),
            ("https://192.0.2.7/", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
        ] {
            assert_eq!(gate.leads_to(&Url::parse(url).unwrap()), leads, "{url}");
        }
        let targets: Vec<String> = gate.form_targets().collect();
        assert_eq!(
            targets,
            ["https://example.org", "https://*.example.org", "https://login.example.org:8443"]
        );
    }

    #[test]
    fn gate_without_hosts_leads_nowhere() {
        let gate = gate("http", None, Some(3000), &[]);
        assert!(!gate.leads_to(&Url::parse("http://localhost:3000/").unwrap()));
        assert_eq!(gate.form_targets().count(), 0);
    }

    #[test]
    fn gate_sites_have_cookies_of_their_own_where_the_session_cookie_does_not_reach() {
        let folder = tempfile::TempDir::new().unwrap();
        let read = |hosts: &str, others: &[(&str, &str)]| {
            let database = format!("sqlite://{}/site.db", folder.path().display());
            let vars = [
                ("DATABASE_URL", database.as_str()),
                ("BASE_URL", "https://login.example.org"),
                ("GATE_HOSTS", hosts),
                ("PAGES_DIR", "/usr"),
                ("PAGES_HOST", "pages.example.net"),
                ("ALLOWED_HOSTS", "login.example.net"),
            ];
            let vars =
                vars.iter().chain(others).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Config::from_vars(vars)
        };
        let hosts = "app.example.org,app.example.net:8443, login.example.org:81";
        let sites = |others: &[(&str, &str)]| {
            let gate = read(hosts, others).unwrap().server.gate;
            gate.sites().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(sites(&[]), ["app.example.org", "app.example.net:8443"]);
        assert_eq!(sites(&[("COOKIE_DOMAIN", "example.org")]), ["app.example.net:8443"]);
        let gate = read(hosts, &[]).unwrap().server.gate;
        for (host, expected) in [
            ("app.example.org", true),
            ("APP.example.org:443", true),
            ("app.example.net:8443", true),
            ("app.example.net", false),
            ("login.example.org:81", false),
            ("app.example.org, app.example.net:8443", false),
            ("ada@app.example.org", false),
            ("app.example.org/x", false),
            ("", false),
        ] {
            assert_eq!(gate.site(host).is_some(), expected, "{host}");
        }
        for wrong in
            ["pages.example.net", "login.example.net:8443", "https://app.example.net", "app.example.net/x"]
        {
            let lines = read(wrong, &[]).unwrap_err().lines().to_vec();
            assert!(lines.len() == 1 && lines[0].starts_with("GATE_HOSTS"), "{lines:?}");
        }
        // The way to a site begins and ends there, and browsers keep such a cookie back on it.
        let strict = [("COOKIE_SAMESITE", "strict")];
        assert!(read("app.example.net", &strict).is_err());
        assert!(read("app.example.org", &strict).is_ok());
        let server = read(hosts, &[]).unwrap().server;
        assert_eq!(server.gate.troubles(&server).len(), 2);
        let server = read(hosts, &[("TRUSTED_PROXIES", "127.0.0.1")]).unwrap().server;
        assert_eq!(server.gate.troubles(&server).len(), 0);
    }

    #[test]
    fn gate_hosts_are_bare() {
        for text in ["localhost:8080", "app.example.org", "127.0.0.1:81", "[::1]:81"] {
            assert!(host_and_port(text, "http").is_some(), "{text}");
        }
        for text in [
            "",
            "http://app.example.org",
            "app.example.org/x",
            "a@b",
            "*.example.org",
            "a b",
            "app?x",
            ":80",
            "0.0.0.0",
        ] {
            assert!(host_and_port(text, "http").is_none(), "{text}");
        }
        assert_eq!(host_and_port("app.example.org:443", "https").unwrap().1, None);
    }
}
