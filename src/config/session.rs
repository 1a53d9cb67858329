//! Lifetimes, limits and the cookie of sessions.

use std::time::Duration;

use super::{
    database_url::DatabaseUrl,
    reader::{DAY, Reader},
    secret::SessionSecret,
    server::Server,
};

/// Lifetimes, limits and the cookie of sessions.
#[derive(Debug, Clone)]
pub struct Session {
    /// `SESSION_SECRET`: encrypts the session cookie; at least 64 bytes.
    pub secret: SessionSecret,
    /// `SESSION_NAME`: the cookie's name. Default: `__Host-gatehouse` on https, else `gatehouse`.
    pub cookie_name: String,
    /// `COOKIE_DOMAIN`: shares the login with subdomains.
    pub cookie_domain: Option<String>,
    /// `COOKIE_SAMESITE`: `strict`, `lax` or `none`. Default: `lax`.
    pub same_site: SameSite,
    /// `SESSION_IDLE_TTL`: lifetime without requests; each request renews it. Default: `24h`.
    pub idle_ttl: Duration,
    /// `SESSION_REMEMBER_TTL`: the idle lifetime with "remember me". Default: `30d`.
    pub remember_ttl: Duration,
    /// `SESSION_ABSOLUTE_TTL`: lifetime from the sign-in on, whatever the requests. Default: `90d`.
    pub absolute_ttl: Duration,
    /// `SESSION_LIMIT`: most sessions a user may have at once; 0: no limit. Default: 100.
    pub limit: u32,
}

/// The cookie's `SameSite` attribute (RFC 6265bis §5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on requests from this site only.
    Strict,
    /// Sent on top-level navigation from other sites too.
    Lax,
    /// Sent always; needs https.
    None,
}

impl From<SameSite> for actix_web::cookie::SameSite {
    fn from(value: SameSite) -> Self {
        match value {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}

impl Session {
    /// Reads the variables; `None` after a mistake about the secret, which has no default.
    pub(super) fn read(reader: &mut Reader, server: &Server, database: &DatabaseUrl) -> Option<Self> {
        let cookie_domain = cookie_domain(reader);
        let same_site = same_site(reader, server);
        let cookie_name = cookie_name(reader, server, cookie_domain.is_some());
        let idle_ttl = reader.duration("SESSION_IDLE_TTL", DAY, Duration::from_secs(1));
        let remember_ttl = reader.duration("SESSION_REMEMBER_TTL", 30 * DAY, Duration::from_secs(1));
        let absolute_ttl = reader.duration("SESSION_ABSOLUTE_TTL", 90 * DAY, Duration::from_secs(1));
        let limit = reader
            .parse("SESSION_LIMIT", "a number of sessions, 0 for no limit", 100, |value| value.parse().ok());
        let given = reader.get("SESSION_SECRET");
        let secret = match SessionSecret::find(given.as_deref(), database) {
            Ok(secret) => secret,
            Err(mistake) => {
                reader.mistake(format!("SESSION_SECRET: {mistake}"));
                return None;
            }
        };
        Some(Self {
            secret,
            cookie_name,
            cookie_domain,
            same_site,
            idle_ttl,
            remember_ttl,
            absolute_ttl,
            limit,
        })
    }

    /// The rolling lifetime of a session, with or without "remember me".
    pub fn ttl(&self, remembered: bool) -> Duration {
        if remembered { self.remember_ttl } else { self.idle_ttl }
    }
}

fn cookie_domain(reader: &mut Reader) -> Option<String> {
    reader.parse("COOKIE_DOMAIN", "a domain, such as example.org", None, |value| {
        let domain = value.trim_start_matches('.');
        let valid =
            domain.contains('.') && domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        valid.then(|| Some(domain.to_owned()))
    })
}

fn same_site(reader: &mut Reader, server: &Server) -> SameSite {
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

fn cookie_name(reader: &mut Reader, server: &Server, has_domain: bool) -> String {
    let host_prefix = server.is_https() && !has_domain;
    let default = if host_prefix { "__Host-gatehouse" } else { "gatehouse" };
    reader.parse(
        "SESSION_NAME",
        "a cookie name of letters, digits, - and _ (__Host- only with https and no COOKIE_DOMAIN, __Secure- only with https)",
        default.to_owned(),
        |value| {
            let token = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            let allowed = (!value.starts_with("__Host-") || host_prefix)
                && (!value.starts_with("__Secure-") || server.is_https());
            (token && allowed).then(|| value.to_owned())
        },
    )
}
