//! The sites behind this login: `GATE_HOSTS`, and what `COOKIE_DOMAIN` covers.

use url::{Host, Url};

use super::{hosts, reader::Reader};

/// The sites that a proxy lets people into after asking here, besides this one. Only those that the session's cookie reaches: the host of
/// `BASE_URL` at other ports, and hosts of `COOKIE_DOMAIN`.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// The scheme of all of them.
    scheme: String,
    /// `COOKIE_DOMAIN`: all hosts below are meant, at the port of `BASE_URL`.
    domain: Option<String>,
    port: Option<u16>,
    /// `GATE_HOSTS`: hosts with a port, if it is not the scheme's own.
    hosts: Vec<(Host, Option<u16>)>,
}

impl Gate {
    pub(super) fn read(reader: &mut Reader, base: &Url, cookie_domain: Option<&str>) -> Self {
        let may_hold = "hosts to which people may be sent back after signing in, comma-separated, such as app.example.org or \
                        localhost:8080; each the host of BASE_URL, or below COOKIE_DOMAIN, since browsers send the cookie to no other";
        let reaches = |host: &Host| {
            base.host().is_some_and(|own| own.to_owned() == *host)
                || cookie_domain.is_some_and(|domain| covers(domain, host))
        };
        let hosts = reader.parse("GATE_HOSTS", may_hold, Vec::new(), |value| {
            value
                .split(',')
                .map(|part| host_and_port(part.trim(), base.scheme()).filter(|(host, _)| reaches(host)))
                .collect()
        });
        Self {
            scheme: base.scheme().to_owned(),
            domain: cookie_domain.map(str::to_owned),
            port: base.port(),
            hosts,
        }
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

    fn gate(scheme: &str, domain: Option<&str>, port: Option<u16>, hosts: &[&str]) -> Gate {
        let hosts = hosts.iter().map(|host| host_and_port(host, scheme).unwrap()).collect();
        Gate { scheme: scheme.to_owned(), domain: domain.map(str::to_owned), port, hosts }
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
