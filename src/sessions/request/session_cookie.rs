//! The session cookie: which one of those that a browser sends counts, and how the others are removed.
//!
//! A browser may have several of one name: one of this host alone and one of a domain, from before `COOKIE_DOMAIN` was changed
//! or from another site of that domain.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest,
    cookie::{Cookie, CookieJar, Key as CookieKey},
    dev::ServiceRequest,
    http::header::HeaderMap,
};

use crate::{
    clock::now,
    config::{self, Config, SessionKind},
    error::Error,
    security::refusal::Sender,
    sessions::{
        binding::cookie, duration::time_duration, found_session::FoundSession,
        request_context::RequestContext, service::Sessions, store::key::Key,
    },
    state::shared,
    web::{SiteCookie, cookies},
};

/// Most keys of one request that are looked up.
const MAX_KEYS: usize = 8;

/// Leaves the request with the first session cookie that leads to a session, since actix-session reads one only, and with no
/// cookie that is not this site's. The keys of those before it are recorded as dead.
pub(super) async fn choose(
    req: &mut ServiceRequest,
    config: &Config,
    sessions: &Sessions,
    context: &mut RequestContext,
) {
    let name = &config.session.cookie_name;
    let mut sent: Vec<String> = cookies::values(req.headers(), name).map(str::to_owned).collect();
    sent.dedup();
    let chosen = match sent.as_slice() {
        [] => None,
        [only] => Some(only.as_str()),
        several => Box::pin(first_live(several, req.headers(), config, sessions, context)).await,
    };
    let sealed_anew = chosen.and_then(|value| sealed_anew(value, &config.session));
    context.sealed_anew = sealed_anew.is_some();
    let chosen = sealed_anew.as_deref().or(chosen);
    cookies::choose(req.headers_mut(), name, chosen, &SiteCookie::names(&config.server));
}

/// Whose session the request's cookie leads to, for a request that is refused before its session is loaded. Nothing is renewed. It is
/// written into the log, whether the request could have used the session or not.
/// `None`: nobody's, or it can't be found out now.
pub async fn sender_by_cookie(req: &HttpRequest) -> Option<Sender> {
    let (config, sessions) = (shared::<Config>(req).ok()?, shared::<Sessions>(req).ok()?);
    let sent = cookies::values(req.headers(), &config.session.cookie_name);
    let keys = sent.filter_map(|value| key_in(value, &config.session)).take(MAX_KEYS);
    for key in keys.collect::<Vec<_>>() {
        if let Ok(Some(found)) = sessions.lookup.find(key).await {
            return Some((found.user_id, found.session_id.clone()));
        }
    }
    None
}

/// The first of the cookies that leads to a session; without one the first that this site has made. A session that the request has no
/// proof for, though it is bound to a device, comes after those that it can use.
async fn first_live<'a>(
    sent: &'a [String],
    headers: &HeaderMap,
    config: &Config,
    sessions: &Sessions,
    context: &mut RequestContext,
) -> Option<&'a str> {
    let own = sent.iter().filter_map(|value| Some((value.as_str(), key_in(value, &config.session)?)));
    let own: Vec<(&str, String)> = own.take(MAX_KEYS).collect();
    let mut unproven = None;
    for (value, store_key) in &own {
        match sessions.usable(store_key).await {
            Ok(None) => context.dead_keys.push(store_key.clone()),
            Ok(Some(found)) if !cookie::is_proven(headers, config, &found) => {
                unproven.get_or_insert(*value);
                context.unproven_keys.push(store_key.clone());
            }
            // A store that can't be read is found out again, and reported, when the state is loaded.
            Ok(Some(_)) | Err(_) => return Some(value),
        }
    }
    unproven.or_else(|| own.first().map(|(value, _)| *value))
}

/// The store key of the session key in a cookie of this site.
fn key_in(value: &str, config: &config::Session) -> Option<String> {
    let newest = config.secret.cookie_key();
    let mut keys = std::iter::once(&newest).chain(config.secret.older_cookie_keys());
    let cookie = keys.find_map(|key| opened(value, config, key))?;
    Key::parse(cookie.value()).map(|key| key.store_key())
}

/// A session cookie that was made under an older secret, as it is under the newest, which is the only one that actix-session knows.
fn sealed_anew(value: &str, config: &config::Session) -> Option<String> {
    let older = config.secret.older_cookie_keys();
    let newest = config.secret.cookie_key();
    if older.is_empty() || opened(value, config, &newest).is_some() {
        return None;
    }
    let cookie = older.iter().find_map(|key| opened(value, config, key))?;
    let mut jar = CookieJar::new();
    jar.private_mut(&newest).add(cookie);
    let sealed = jar.get(&config.cookie_name)?.encoded().to_string();
    sealed.split_once('=').map(|(_, value)| value.to_owned())
}

/// A cookie as it was before this key has encrypted it.
fn opened(value: &str, config: &config::Session, key: &CookieKey) -> Option<Cookie<'static>> {
    let mut jar = CookieJar::new();
    jar.add_original(decoded(value, config)?);
    jar.private(key).get(&config.cookie_name)
}

/// The value of the session cookie that is made of a key, as browsers send it.
pub(in crate::sessions) fn made_of(key: String, config: &config::Session) -> Option<String> {
    let mut jar = CookieJar::new();
    jar.private_mut(&config.secret.cookie_key()).add(Cookie::new(config.cookie_name.clone(), key));
    let cookie = jar.get(&config.cookie_name)?.encoded().to_string();
    cookie.split_once('=').map(|(_, value)| value.to_owned())
}

/// A session cookie as it was sent, with its value decoded.
fn decoded(value: &str, config: &config::Session) -> Option<Cookie<'static>> {
    Cookie::parse_encoded(format!("{}={value}", config.cookie_name)).ok()
}

impl Sessions {
    /// The session that a key leads to, if it can be used; nothing is renewed.
    async fn usable(&self, store_key: &str) -> Result<Option<Arc<FoundSession>>, Error> {
        let found = self.lookup.find(store_key.to_owned()).await?;
        let found = found.filter(|found| {
            found.absolute_expires_at > now()
                && (self.has_entries() || (found.expires_at > now() && found.state.is_some()))
        });
        match found {
            Some(found) if self.has_entry(store_key).await? => Ok(Some(found)),
            _ => Ok(None),
        }
    }
}

/// The cookie that the request came with, under the newest secret; that of a remembered session with its lifetime started anew.
pub(super) fn renewed(headers: &HeaderMap, config: &Config, kind: SessionKind) -> Option<Cookie<'static>> {
    let sent = cookies::values(headers, &config.session.cookie_name).next()?;
    let mut cookie = decoded(sent, &config.session)?;
    set_attributes(&mut cookie, config, config.session.cookie_domain.clone());
    if kind.remembered {
        cookie.set_max_age(time_duration(config.session.ttl(kind)));
    }
    Some(cookie)
}

/// Puts removals of other cookies of the session's name before the one that the response sets or removes.
/// `brought_own`: the request came with a cookie that this site has made, under whatever domain.
pub(super) fn remove_others(headers: &mut HeaderMap, config: &Config, brought_own: bool) {
    let session = &config.session;
    // A cookie with this prefix has no domain, and browsers keep it apart from all others.
    if session.cookie_name.starts_with("__Host-") || !cookies::sets(headers, &session.cookie_name) {
        return;
    }
    let own_domain = session.cookie_domain.as_deref();
    let mut domains = Vec::new();
    if own_domain.is_some() {
        domains.push(None);
    }
    if brought_own {
        let host = config.server.base_url.host_str().unwrap_or_default();
        domains.extend(cookie_domains(host).filter(|domain| Some(*domain) != own_domain).map(Some));
    }
    let removals = domains.into_iter().map(|domain| {
        let mut cookie = Cookie::new(session.cookie_name.clone(), "");
        set_attributes(&mut cookie, config, domain.map(str::to_owned));
        cookie.make_removal();
        cookie
    });
    cookies::prepend(headers, removals);
}

fn set_attributes(cookie: &mut Cookie<'static>, config: &Config, domain: Option<String>) {
    cookie.set_path("/");
    cookie.set_secure(config.server.is_https());
    cookie.set_http_only(true);
    cookie.set_same_site(actix_web::cookie::SameSite::from(config.session.same_site));
    if let Some(domain) = domain {
        cookie.set_domain(domain);
    }
}

/// The domains that a cookie of this host may have: the host's own name and those above it, without the topmost.
fn cookie_domains(host: &str) -> impl Iterator<Item = &str> {
    let is_name = host.parse::<IpAddr>().is_err() && !host.starts_with('[');
    std::iter::successors(is_name.then_some(host), |domain| Some(domain.split_once('.')?.1))
        .filter(|domain| domain.contains('.'))
        .take(MAX_KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_domains_are_the_host_and_those_above() {
        for (host, domains) in [
            ("login.example.org", &["login.example.org", "example.org"][..]),
            ("localhost", &[]),
            ("127.0.0.1", &[]),
            ("[::1]", &[]),
        ] {
            assert_eq!(cookie_domains(host).collect::<Vec<_>>(), domains, "{host}");
        }
    }
}
