//! Lifetimes, limits and the cookie of sessions.

use std::time::Duration;

use super::{
    binding::Binding,
    cookie,
    database_url::DatabaseUrl,
    reader::{DAY, Reader, shown},
    same_site::SameSite,
    second_factor::SecondFactor,
    secret::SessionSecret,
    server::Server,
    tripwire::Tripwire,
};

/// The shortest lifetime of a session.
const MIN_TTL: Duration = Duration::from_secs(1);

/// Lifetimes, limits and the cookie of sessions.
#[derive(Debug, Clone)]
pub struct Session {
    /// `SESSION_SECRET`: encrypts the session cookie; at least 64 bytes.
    pub secret: SessionSecret,
    /// `SESSION_NAME`: the cookie's name. Default: `gatehouse`, on https after `__Host-`, or with a domain
    /// after `__Secure-`.
    pub cookie_name: String,
    /// `COOKIE_DOMAIN`: shares the login with subdomains.
    pub cookie_domain: Option<String>,
    /// `COOKIE_SAMESITE`: `strict`, `lax` or `none`. Default: `lax`.
    pub same_site: SameSite,
    /// `SESSION_IDLE_TTL`: lifetime without requests; each request renews it. Default: `24h`, at most the absolute lifetime.
    pub idle_ttl: Duration,
    /// `SESSION_REMEMBER_TTL`: the idle lifetime with "remember me". Default: `30d`, at most the absolute lifetime.
    pub remember_ttl: Duration,
    /// `SESSION_ABSOLUTE_TTL`: lifetime from the sign-in on, whatever the requests. Default: `90d`.
    pub absolute_ttl: Duration,
    /// `SESSION_ADMIN_IDLE_TTL`: longest lifetime of administrators' sessions without requests, "remember me" or not. Default: as for
    /// everyone.
    pub admin_idle_ttl: Duration,
    /// `SESSION_ADMIN_ABSOLUTE_TTL`: the absolute lifetime of administrators' sessions. Default: as for everyone.
    pub admin_absolute_ttl: Duration,
    /// `SESSION_LIMIT`: most sessions a user may have at once; 0: no limit. Default: 100.
    pub limit: u32,
    /// `SECOND_FACTOR`: whose sessions are good for nothing before a second factor is set up: `optional`, `administrators` or
    /// `everyone`. Default: `optional`.
    pub second_factor: SecondFactor,
    /// `SESSION_BINDING`: `offer` or `off`; `None`: sessions are not bound to devices. Default: `offer` on https.
    pub binding: Option<Binding>,
    /// `TRIPWIRE`: what is done when a stolen key is presented: `notify`, `end` or `off`. Default: `notify`.
    pub tripwire: Tripwire,
}

impl Session {
    /// Reads the variables; `None` after a mistake about the secret, which has no default.
    pub(super) fn read(reader: &mut Reader, server: &Server, database: &DatabaseUrl) -> Option<Self> {
        let cookie_domain = cookie::domain(reader, server);
        let same_site = cookie::same_site(reader, server);
        let cookie_name = cookie::name(reader, server, cookie_domain.is_some());
        let absolute_ttl = reader.duration("SESSION_ABSOLUTE_TTL", 90 * DAY, MIN_TTL);
        let idle_ttl = rolling_ttl(reader, "SESSION_IDLE_TTL", DAY, absolute_ttl);
        let remember_ttl = rolling_ttl(reader, "SESSION_REMEMBER_TTL", 30 * DAY, absolute_ttl);
        let (admin_idle_ttl, admin_absolute_ttl) =
            admin_ttls(reader, idle_ttl.max(remember_ttl), idle_ttl, absolute_ttl);
        let limit = reader
            .parse("SESSION_LIMIT", "a number of sessions, 0 for no limit", 100, |value| value.parse().ok());
        let second_factor = SecondFactor::read(reader);
        let binding = Binding::read(reader, server, cookie_domain.as_deref());
        let tripwire = Tripwire::read(reader);
        let given = reader.get("SESSION_SECRET");
        if given.is_none() && reader.has_mistakes() && matches!(database, DatabaseUrl::Sqlite(_)) {
            // No file is made beside a database that may be another one than is meant.
            return None;
        }
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
            admin_idle_ttl,
            admin_absolute_ttl,
            limit,
            second_factor,
            binding,
            tripwire,
        })
    }

    /// The rolling lifetime of a session.
    pub fn ttl(&self, kind: SessionKind) -> Duration {
        let ttl = if kind.remembered { self.remember_ttl } else { self.idle_ttl };
        if kind.of_admin { ttl.min(self.admin_idle_ttl) } else { ttl }
    }

    /// The absolute lifetime of a session of an administrator, or of somebody who is none.
    pub fn absolute_ttl(&self, of_admin: bool) -> Duration {
        if of_admin { self.admin_absolute_ttl } else { self.absolute_ttl }
    }

    /// The shortest lifetime that a session may have.
    pub fn shortest_ttl(&self) -> Duration {
        let ttls = [
            self.idle_ttl,
            self.remember_ttl,
            self.absolute_ttl,
            self.admin_idle_ttl,
            self.admin_absolute_ttl,
        ];
        ttls.into_iter().min().unwrap_or(MIN_TTL)
    }
}

/// What a session's lifetimes depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionKind {
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// Whether its user is an administrator.
    pub of_admin: bool,
}

/// The lifetimes of administrators' sessions: rolling and absolute. Ones longer than everybody's would have no effect. `longest`: the
/// longest rolling lifetime of all.
fn admin_ttls(
    reader: &mut Reader,
    longest: Duration,
    idle: Duration,
    absolute: Duration,
) -> (Duration, Duration) {
    const ABSOLUTE: &str = "SESSION_ADMIN_ABSOLUTE_TTL";
    let admin_absolute = reader.duration("SESSION_ADMIN_ABSOLUTE_TTL", absolute, MIN_TTL);
    check_at_most(reader, (ABSOLUTE, admin_absolute), ("SESSION_ABSOLUTE_TTL", absolute));
    let default = longest.min(admin_absolute);
    let admin_idle = reader.duration("SESSION_ADMIN_IDLE_TTL", default, MIN_TTL);
    if admin_idle != default {
        let most =
            if admin_absolute < idle { (ABSOLUTE, admin_absolute) } else { ("SESSION_IDLE_TTL", idle) };
        check_at_most(reader, ("SESSION_ADMIN_IDLE_TTL", admin_idle), most);
    }
    (admin_idle, admin_absolute)
}

/// A duration that is longer than that of another variable is a mistake.
fn check_at_most(reader: &mut Reader, (name, ttl): (&'static str, Duration), most: (&str, Duration)) {
    if ttl > most.1 {
        reader.invalid(name, &shown(ttl), &format!("at most {}, which is {}", most.0, shown(most.1)));
    }
}

/// A rolling lifetime. One past the absolute lifetime would promise what never happens.
fn rolling_ttl(reader: &mut Reader, name: &'static str, default: Duration, absolute: Duration) -> Duration {
    let ttl = reader.duration(name, default.min(absolute), MIN_TTL);
    check_at_most(reader, (name, ttl), ("SESSION_ABSOLUTE_TTL", absolute));
    ttl
}
