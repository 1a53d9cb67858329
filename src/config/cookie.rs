//! The session cookie: its name, domain and `SameSite`, as browsers accept them.

use url::Host;

use super::{reader::Reader, same_site::SameSite, server::Server};

/// Most characters of a cookie's name; with the value it has to stay far below the 4096 bytes that browsers take.
const MAX_NAME_LENGTH: usize = 64;

/// What the names of all our other cookies begin with, after a prefix such as `__Host-`.
const RESERVED: [&str; 2] = ["gatehouse-", "reader-"];

/// `COOKIE_DOMAIN`: the host of `BASE_URL` or a domain above it that one owner has.
pub(super) fn domain(reader: &mut Reader, server: &Server) -> Option<String> {
    let host = server.base_url.host_str().unwrap_or_default();
    let may_hold = format!(
        "the host of BASE_URL ({host}) or a domain above it, such as example.org for login.example.org"
    );
    reader.parse("COOKIE_DOMAIN", &may_hold, None, |value| {
        // Browsers ignore one leading dot (RFC 6265 §5.2.3).
        let domain = match Host::parse(value.strip_prefix('.').unwrap_or(value)).ok()? {
            Host::Domain(domain) => domain,
            Host::Ipv4(_) | Host::Ipv6(_) => return None,
        };
        let covers = host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        // Browsers refuse cookies for domains in which anyone may register names, such as co.uk.
        let has_one_owner = psl::suffix_str(&domain) != Some(domain.as_str());
        (covers && has_one_owner).then_some(Some(domain))
    })
}

/// `COOKIE_SAMESITE`.
pub(super) fn same_site(reader: &mut Reader, server: &Server) -> SameSite {
    let same_site =
        reader.parse("COOKIE_SAMESITE", "strict, lax or none", SameSite::Lax, |value| {
            match value.to_ascii_lowercase().as_str() {
                "strict" => Some(SameSite::Strict),
                "lax" => Some(SameSite::Lax),
                "none" => Some(SameSite::None),
                _ => None,
            }
        });
    if same_site == SameSite::None && !server.is_https() {
        reader.invalid("COOKIE_SAMESITE", "none", "strict or lax while BASE_URL is not https");
    }
    same_site
}

/// `SESSION_NAME`: not that of another cookie of ours, and with a prefix only where browsers let it stand (RFC 6265bis §4.1.3).
pub(super) fn name(reader: &mut Reader, server: &Server, has_domain: bool) -> String {
    let host_prefix = server.is_https() && !has_domain;
    let default = match (server.is_https(), has_domain) {
        (true, false) => "__Host-gatehouse",
        (true, true) => "__Secure-gatehouse",
        (false, _) => "gatehouse",
    };
    let may_hold = "a cookie name of at most 64 letters, digits, - and _ that does not begin with gatehouse- or reader- \
                    (__Host- only with https and no COOKIE_DOMAIN, __Secure- and __Http- only with https)";
    reader.parse("SESSION_NAME", may_hold, default.to_owned(), |value| {
        let token = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        // Browsers compare the prefixes in any case.
        let lower = value.to_ascii_lowercase();
        let needs_host = lower.starts_with("__host-");
        let needs_https = lower.starts_with("__secure-") || lower.starts_with("__http-");
        let allowed = (!needs_host || host_prefix) && (!needs_https || server.is_https());
        let bare = lower.trim_start_matches("__host-").trim_start_matches("__secure-");
        let own = !bare.is_empty() && !RESERVED.iter().any(|reserved| bare.starts_with(reserved));
        (token && allowed && own && value.len() <= MAX_NAME_LENGTH).then(|| value.to_owned())
    })
}
