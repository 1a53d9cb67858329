//! Whether sessions are bound to the devices of their browsers (Device Bound Session Credentials).

use std::time::Duration;

use url::Url;

use super::{reader::Reader, server::Server};

/// Browsers renew the proof beside each request in its last two minutes: a shorter one would be renewed with every request.
const MIN_TTL: Duration = Duration::from_secs(2 * 60);
/// A stolen cookie is of use for as long.
const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);
const DEFAULT_TTL: Duration = Duration::from_secs(10 * 60);

/// How sessions are bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// `SESSION_BINDING_TTL`: how long a proof of the browser's key counts. Default: `10m`.
    pub ttl: Duration,
    /// The main host of the site, where `COOKIE_DOMAIN` shares the session's cookie with all its hosts: `https://example.org`.
    pub site: Option<Url>,
    /// `SESSION_BINDING_ADMIN`: whether administrators' pages need a session that is bound: `optional` or `required`. Default: `optional`.
    pub required_of_administrators: bool,
}

impl Binding {
    /// Reads `SESSION_BINDING` and its lifetime; `None`: `off`, or the site is not on https, where browsers bind nothing.
    pub(super) fn read(reader: &mut Reader, server: &Server, cookie_domain: Option<&str>) -> Option<Self> {
        let is_offered =
            reader.parse("SESSION_BINDING", "offer or off", server.is_https(), |value| match value {
                "offer" => Some(true),
                "off" => Some(false),
                _ => None,
            });
        if is_offered && !server.is_https() {
            let may_hold = "off while BASE_URL is not https: browsers bind sessions on https alone";
            reader.invalid("SESSION_BINDING", "offer", may_hold);
        }
        let ttl = reader.duration_within("SESSION_BINDING_TTL", DEFAULT_TTL, MIN_TTL..=MAX_TTL);
        let required_of_administrators =
            reader.parse("SESSION_BINDING_ADMIN", "optional or required", false, |value| match value {
                "optional" => Some(false),
                "required" => Some(true),
                _ => None,
            });
        if required_of_administrators && !is_offered {
            let may_hold = "optional while SESSION_BINDING is off: nobody could open these pages";
            reader.invalid("SESSION_BINDING_ADMIN", "required", may_hold);
        }
        let site = cookie_domain.and_then(|domain| main_host(server, domain));
        is_offered.then_some(Self { ttl, site, required_of_administrators })
    }
}

/// The host which browsers ask whether a host of the site may bind sessions of all its hosts, with scheme and port of `BASE_URL`.
fn main_host(server: &Server, domain: &str) -> Option<Url> {
    let mut site = server.base_url.join("/").ok()?;
    site.set_host(Some(psl::domain_str(domain).unwrap_or(domain))).ok()?;
    Some(site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(vars: &[(&str, &str)]) -> Result<Option<Binding>, Vec<String>> {
        let secret = ("SESSION_SECRET", "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2");
        let vars = [&[("DATABASE_URL", "sqlite://unused.db"), secret], vars].concat();
        let config =
            Config::from_vars(vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        config.map(|config| config.session.binding).map_err(|mistakes| mistakes.lines().to_vec())
    }

    const HTTPS: (&str, &str) = ("BASE_URL", "https://login.example.org");

    #[test]
    fn binding_is_offered_on_https_alone() {
        assert_eq!(read(&[]), Ok(None));
        let offered = Binding { ttl: DEFAULT_TTL, site: None, required_of_administrators: false };
        assert_eq!(read(&[HTTPS]), Ok(Some(offered)));
        assert_eq!(read(&[HTTPS, ("SESSION_BINDING", "off")]), Ok(None));
        let lines = read(&[("SESSION_BINDING", "offer")]).unwrap_err();
        assert!(lines[0].starts_with("SESSION_BINDING: \"offer\" is not valid"), "{lines:?}");
        for ttl in ["119s", "25h", "soon", "0"] {
            assert_eq!(read(&[HTTPS, ("SESSION_BINDING_TTL", ttl)]).unwrap_err().len(), 1, "{ttl}");
        }
        let binding = read(&[HTTPS, ("SESSION_BINDING_TTL", "2m")]).unwrap().unwrap();
        assert_eq!(binding.ttl, MIN_TTL);
    }

    #[test]
    fn binding_is_required_of_administrators_only_where_it_is_offered() {
        let required = ("SESSION_BINDING_ADMIN", "required");
        assert!(read(&[HTTPS, required]).unwrap().unwrap().required_of_administrators);
        for vars in [&[required][..], &[HTTPS, required, ("SESSION_BINDING", "off")]] {
            let lines = read(vars).unwrap_err();
            assert!(lines[0].starts_with("SESSION_BINDING_ADMIN: \"required\" is not valid"), "{lines:?}");
        }
    }

    #[test]
    fn binding_of_a_domain_is_that_of_its_site() {
        for (base, domain, site) in [
            ("https://login.example.org", "example.org", "https://example.org/"),
            ("https://login.example.org:8443", "login.example.org", "https://example.org:8443/"),
            ("https://a.b.example.co.uk", "b.example.co.uk", "https://example.co.uk/"),
        ] {
            let binding = read(&[("BASE_URL", base), ("COOKIE_DOMAIN", domain)]).unwrap().unwrap();
            assert_eq!(binding.site.as_ref().map(Url::as_str), Some(site));
        }
    }
}
