//! The cookie of a bound session, which says until when the browser's last proof of its key counts. It holds the public session id and
//! that time under a signature, so that a page checks it without a statement more.

use std::time::Duration;

use actix_web::{
    cookie::{Cookie, SameSite},
    http::header::HeaderMap,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use time::PrimitiveDateTime;

use crate::{
    clock::{now, unix_now},
    config::{Binding, Config},
    sessions::{duration::time_duration, found_session::FoundSession},
    web::{SiteCookie, cookies},
};

/// What the key of the signature is derived for.
const KEY_FOR: &str = "bound cookie";

/// A cookie counts for so many seconds longer than the browser keeps it: what it sends at the last moment arrives later.
const LEEWAY: i64 = 60;

/// How long the cookie of the registration is kept. Browsers renew one that has less than two minutes left beside their next request, which
/// is the proof that binds the session.
const FIRST: Duration = Duration::from_secs(60);

/// For so long after it was bound a session needs no cookie: what was sent before the browser had it is on its way.
const GRACE: time::Duration = time::Duration::seconds(30);
/// By so much the clock of the instance that has registered the key may be ahead.
const CLOCK_LEEWAY: time::Duration = time::Duration::seconds(5);

/// Most cookies of one request that are checked: hosts of the domain may set others of that name.
const MOST_COOKIES: usize = 4;

/// The name of the cookie.
pub(super) fn name(config: &Config) -> &'static str {
    let cookie = match config.session.cookie_domain {
        Some(_) => SiteCookie::BoundOnDomain,
        None => SiteCookie::Bound,
    };
    cookie.name(&config.server)
}

/// Whether a request may use the session that its cookie leads to: that is not bound, or the browser has proven lately that it has the
/// key. What was sent before it was bound has a moment to arrive.
pub(in crate::sessions) fn is_proven(headers: &HeaderMap, config: &Config, found: &FoundSession) -> bool {
    let Some(bound_at) = found.bound_at.filter(|_| config.session.binding.is_some()) else {
        return true;
    };
    is_just_bound(bound_at) || has_valid(headers, config, &found.session_id)
}

fn is_just_bound(bound_at: PrimitiveDateTime) -> bool {
    let age = now() - bound_at;
    -CLOCK_LEEWAY < age && age < GRACE
}

/// Whether a request brings a cookie of the session that counts.
fn has_valid(headers: &HeaderMap, config: &Config, session: &str) -> bool {
    last_expiry(headers, config, session).is_some_and(|expiry| unix_now() < expiry)
}

/// For how long the proof of a request that is signed in goes on to count; `None`: sessions are not bound here.
pub(super) fn proven_for(headers: &HeaderMap, config: &Config, session: &str) -> Option<Duration> {
    config.session.binding.as_ref()?;
    let left = last_expiry(headers, config, session).map(|expiry| expiry - unix_now());
    let left = left.filter(|left| *left > 0).unwrap_or(GRACE.whole_seconds());
    Some(Duration::from_secs(left.unsigned_abs()))
}

/// Until when the newest of a request's cookies of the session counts, in Unix seconds.
fn last_expiry(headers: &HeaderMap, config: &Config, session: &str) -> Option<i64> {
    let sent = cookies::values(headers, name(config)).take(MOST_COOKIES);
    sent.filter_map(|value| expiry_in(value, config, session)).max()
}

/// Whether a request brings any cookie of that name.
pub(in crate::sessions) fn is_sent(headers: &HeaderMap, config: &Config) -> bool {
    cookies::values(headers, name(config)).next().is_some()
}

/// Until when a value of the cookie counts, in Unix seconds; `None` when it is not one of this session that this site has made.
fn expiry_in(value: &str, config: &Config, session: &str) -> Option<i64> {
    let rest = value.strip_prefix(session)?.strip_prefix('.')?;
    let (expiry, signature) = rest.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signed = value.get(..session.len() + 1 + expiry.len())?;
    let mut keys = config.session.secret.all_derived(KEY_FOR).into_iter();
    let is_own = keys.any(|key| {
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &signature).is_ok()
    });
    if is_own { expiry.parse().ok() } else { None }
}

/// The cookie of a session whose browser has just proven that it has the key.
pub(super) fn fresh(config: &Config, binding: &Binding, session: &str) -> Cookie<'static> {
    of_session(config, session, binding.ttl)
}

/// The cookie of a session whose browser has just registered a key.
pub(super) fn first(config: &Config, session: &str) -> Cookie<'static> {
    of_session(config, session, FIRST)
}

fn of_session(config: &Config, session: &str, ttl: Duration) -> Cookie<'static> {
    let signed = format!("{session}.{}", expiry(ttl));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &config.session.secret.derived(KEY_FOR));
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    let mut cookie = with_attributes(config, format!("{signed}.{signature}"));
    cookie.set_max_age(time_duration(ttl));
    cookie
}

fn expiry(ttl: Duration) -> i64 {
    unix_now().saturating_add_unsigned(ttl.as_secs()).saturating_add(LEEWAY)
}

/// The removal of the cookie: the browser renews it before its next request.
pub(in crate::sessions) fn removal(config: &Config) -> Cookie<'static> {
    let mut cookie = with_attributes(config, String::new());
    cookie.make_removal();
    cookie
}

/// The attributes as browsers are told of them, but for the lifetime. They have to be those of the cookie: browsers would renew it before
/// each request.
pub(super) fn attributes(config: &Config) -> String {
    let cookie = with_attributes(config, String::new()).to_string();
    cookie.split_once("; ").map(|(_, attributes)| attributes.to_owned()).unwrap_or_default()
}

/// It reaches all that the session's cookie reaches.
fn with_attributes(config: &Config, value: String) -> Cookie<'static> {
    let mut cookie = Cookie::new(name(config), value);
    cookie.set_path("/");
    cookie.set_secure(true);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::from(config.session.same_site));
    if let Some(domain) = &config.session.cookie_domain {
        cookie.set_domain(domain.clone());
    }
    cookie
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{COOKIE, HeaderValue};

    use super::*;

    fn config(domain: Option<&str>) -> Config {
        let mut vars = vec![
            ("DATABASE_URL", "sqlite://unused.db".to_owned()),
            ("BASE_URL", "https://login.example.org".to_owned()),
            ("SESSION_SECRET", crate::crypto::random_hex::<64>().unwrap()),
        ];
        vars.extend(domain.map(|domain| ("COOKIE_DOMAIN", domain.to_owned())));
        Config::from_vars(vars.into_iter().map(|(name, value)| (name.to_owned(), value))).unwrap()
    }

    fn sent(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let cookie = format!("__Host-gatehouse-bound=x; __Host-gatehouse-bound={value}");
        headers.insert(COOKIE, HeaderValue::from_str(&cookie).unwrap());
        headers
    }

    #[test]
    fn bound_cookie_counts_for_its_session_until_it_expires() {
        let config = config(None);
        let mut binding = config.session.binding.clone().unwrap();
        let value = |binding: &Binding| fresh(&config, binding, "S1").value().to_owned();
        let fresh = value(&binding);
        assert!(has_valid(&sent(&fresh), &config, "S1"));
        for other in ["S", "S11", "s1", "S2", ""] {
            assert!(!has_valid(&sent(&fresh), &config, other), "{other}");
        }
        let another = self::config(None);
        assert!(!has_valid(&sent(&fresh), &another, "S1"));
        for cut in 1..fresh.len() {
            assert!(!has_valid(&sent(&fresh[..cut]), &config, "S1"), "{cut}");
        }
        let (signed, signature) = fresh.rsplit_once('.').unwrap();
        let later = format!("{signed}0.{signature}");
        assert!(!has_valid(&sent(&later), &config, "S1"));
        binding.ttl = Duration::ZERO;
        assert!(has_valid(&sent(&value(&binding)), &config, "S1"), "what was sent at the last moment");
    }

    #[test]
    fn bound_cookie_attributes_are_those_that_are_told() {
        for (domain, expected) in [
            (None, "HttpOnly; SameSite=Lax; Secure; Path=/"),
            (Some("example.org"), "HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.org"),
        ] {
            let config = config(domain);
            assert_eq!(attributes(&config), expected);
            let binding = config.session.binding.clone().unwrap();
            let cookie = fresh(&config, &binding, "S1");
            assert_eq!(cookie.max_age(), Some(time::Duration::minutes(10)));
            assert_eq!(cookie.name().starts_with("__Host-"), domain.is_none());
        }
    }

    #[test]
    fn bound_cookie_is_not_needed_for_a_moment() {
        let at = |seconds: i64| now() - time::Duration::seconds(seconds);
        assert!(is_just_bound(at(0)) && is_just_bound(at(29)) && is_just_bound(at(-4)));
        assert!(!is_just_bound(at(31)) && !is_just_bound(at(-60)));
    }
}
