//! What one request learns of its session on the way in, for use on the way out. actix-session's store is
//! called without the request, so this is how store, extractor and cookie speak with each other.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    Error as ActixError,
    body::{BoxBody, MessageBody},
    cookie::{Cookie, time::Duration as CookieDuration},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{ACCEPT, HeaderMap, HeaderValue, SET_COOKIE},
    middleware::Next,
};

use super::{lookup::Found, request::current::CurrentUser};
use crate::{app::Site, config, error::Error, layout::Viewer, web::flash};

/// An answer that takes longer looks again whether its session still has the key that it came with. Nothing that
/// gives a session another key is as quick.
const LATE: Duration = Duration::from_millis(1);

/// The header by which a script says that nobody asked for what it fetches.
const BACKGROUND: &str = "x-background";

tokio::task_local! {
    static VISIT: RefCell<Visit>;
}

/// The entry that the request's cookie led to.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Hex SHA-256 of the session key.
    pub store_key: String,
    /// The public session id.
    pub session_id: String,
    /// Unix seconds at which the password was last given.
    pub confirmed_at: Option<i64>,
    /// The user's `session_epoch` that the key has heard of.
    pub epoch: Option<i64>,
}

/// What is known of the session during one request.
#[derive(Default)]
pub struct Visit {
    /// The store's entry, if the cookie led to one.
    pub loaded: Option<Loaded>,
    /// Hex SHA-256 of a session key that led to no entry.
    pub dead_key: Option<String>,
    /// A script's request, or a stream: it doesn't count as use of the session.
    pub in_background: bool,
    /// The catalogue's row, where reading the state brought it along.
    pub found: Option<Arc<Found>>,
    /// The signed-in user, once asked for; `Some(None)`: nobody.
    pub current: Option<Option<Rc<CurrentUser>>>,
    /// The store could not be read or written.
    pub unavailable: bool,
    /// The session is about to get a new key: deleting the old entry waits until the new one is recorded.
    pub renewing: bool,
    /// The session ended, or another request was quicker, while this one ran: no cookie goes out.
    pub abandoned: bool,
    /// A session was saved or changed in this request; whether it is remembered.
    pub saved: Option<bool>,
    /// The notice of the page before was shown.
    pub flash_shown: bool,
}

impl Visit {
    /// Reads or changes what is known; nothing outside of a request.
    pub fn with<R>(f: impl FnOnce(&mut Self) -> R) -> Option<R> {
        VISIT.try_with(|visit| f(&mut visit.borrow_mut())).ok()
    }
}

/// Middleware around actix-session: opens the visit, and puts the last hand to the cookies.
pub async fn open(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let site = Site::of(req.request())?.clone();
    let began = Instant::now();
    let visit = Visit { in_background: is_in_background(req.headers()), ..Visit::default() };
    let scope = VISIT.scope(RefCell::new(visit), async move {
        let result = next.call(req).await;
        (result, VISIT.with(RefCell::take))
    });
    let (result, visit) = scope.await;
    match result {
        Ok(mut res) => {
            let renewal = renewal(&res, &site, &visit, began).await;
            finish_cookies(&mut res, &site, &visit, renewal);
            if let Some(user) = &visit.current {
                res.response_mut().extensions_mut().insert(user.as_deref().map(Viewer::of));
            }
            Ok(res.map_into_boxed_body())
        }
        // actix-session answers a failing store with its own 500.
        Err(error) if visit.unavailable => Err(Error::unavailable(error.to_string()).into()),
        Err(error) => Err(error),
    }
}

/// Whether a page asked by itself, and not the person in front of it: a session that nobody uses ends at its time, also
/// while a page of it stays open.
fn is_in_background(headers: &HeaderMap) -> bool {
    headers.contains_key(BACKGROUND)
        || headers.get(ACCEPT).is_some_and(|accept| accept == "text/event-stream")
}

fn finish_cookies<B>(
    res: &mut ServiceResponse<B>,
    site: &Site,
    visit: &Visit,
    renewal: Option<Cookie<'static>>,
) {
    let session = &site.config.session;
    let headers = res.headers_mut();
    if visit.abandoned {
        let prefix = format!("{}=", session.cookie_name);
        let kept: Vec<HeaderValue> = headers
            .remove(SET_COOKIE)
            .filter(|value| !value.as_bytes().starts_with(prefix.as_bytes()))
            .collect();
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    } else if visit.saved == Some(true) {
        remember(headers, session);
    } else if let Some(cookie) = renewal {
        append(headers, &cookie);
    }
    if visit.flash_shown && !sets(headers, flash::cookie_name(&site.config)) {
        // A form that was sent before the last notice was seen has a notice of its own.
        append(headers, &flash::removal(&site.config));
    }
}

/// The cookie of a remembered session that was used and neither changed nor ended: it came, and goes out again
/// with its lifetime started anew. Not when the browser may have got another one meanwhile: that would be undone.
async fn renewal<B>(
    res: &ServiceResponse<B>,
    site: &Site,
    visit: &Visit,
    began: Instant,
) -> Option<Cookie<'static>> {
    let user = visit.current.as_ref()?.as_ref()?;
    let session = &site.config.session;
    if !user.session.remembered
        || visit.in_background
        || visit.saved.is_some()
        || sets(res.headers(), &session.cookie_name)
    {
        return None;
    }
    let key = &visit.loaded.as_ref()?.store_key;
    if began.elapsed() > LATE && !site.sessions.is_current(key).await {
        return None;
    }
    let sent = res.request().cookie(&session.cookie_name)?;
    Some(renewed(session, site.config.server.is_https(), sent.value().to_owned()))
}

fn sets(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(SET_COOKIE).any(|set| starts_with_name(set, name))
}

fn starts_with_name(set_cookie: &HeaderValue, name: &str) -> bool {
    set_cookie.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// Adds `Max-Age` to the session cookie that actix-session just set: only the value is encrypted.
fn remember(headers: &mut HeaderMap, session: &config::Session) {
    let set: Vec<HeaderValue> = headers.remove(SET_COOKIE).collect();
    for value in set {
        let aged = starts_with_name(&value, &session.cookie_name)
            .then(|| value.to_str().ok())
            .flatten()
            .and_then(|text| {
                HeaderValue::from_str(&format!("{text}; Max-Age={}", session.remember_ttl.as_secs())).ok()
            });
        headers.append(SET_COOKIE, aged.unwrap_or(value));
    }
}

/// The very cookie that was sent, with its lifetime started anew.
fn renewed(session: &config::Session, https: bool, value: String) -> Cookie<'static> {
    let cookie = Cookie::build(session.cookie_name.clone(), value)
        .path("/")
        .secure(https)
        .http_only(true)
        .same_site(session.same_site.into())
        .max_age(CookieDuration::seconds(session.remember_ttl.as_secs().try_into().unwrap_or(i64::MAX)));
    match &session.cookie_domain {
        Some(domain) => cookie.domain(domain.clone()).finish(),
        None => cookie.finish(),
    }
}

fn append(headers: &mut HeaderMap, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.encoded().to_string()) {
        headers.append(SET_COOKIE, value);
    }
}
