//! How a reader who is signed in to this site becomes known at `PAGES_HOST`.
//!
//! That host never sees the session's cookie. It keeps a random state in the browser and sends it, hashed, to this site; the site
//! answers with a code that names the session, the state and the page. The code is sealed, good for a minute, and worth nothing
//! without the state, so nobody else can use it, nor be made to use somebody else's; the host gives the state up for a cookie of its
//! own. That cookie holds the sealed store key of the session: it opens nothing here, and dies with the session or its key.

use std::borrow::Cow;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, CookieJar, Key},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::{
    config::Server,
    crypto::{random_hex, sha256_hex},
    error::Error,
    security::local_path,
    web::cookies,
};

/// The path of both sides, at this site and at `PAGES_HOST`.
const PATH: &str = "/pages-sign-in";

/// The name under which codes are sealed.
const CODE: &str = "pages-code";

/// How long a code is good, in seconds.
const CODE_LIFETIME: u64 = 60;

/// What a code says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Code {
    /// The store key of the reader's session.
    pub store_key: String,
    /// The SHA-256 of the browser's state, in hex.
    state: String,
    /// The page that the reader wants.
    pub next: String,
    /// Unix seconds.
    made_at: i64,
}

impl Code {
    pub(super) fn new(store_key: String, state: String, next: String) -> Self {
        Self { store_key, state, next, made_at: OffsetDateTime::now_utc().unix_timestamp() }
    }

    pub(super) fn seal(&self, key: &Key) -> Result<String, Error> {
        seal(key, CODE, self)
    }

    /// A code that this site has made, whenever and for whichever browser.
    pub(super) fn open(key: &Key, sealed: &str) -> Option<Self> {
        open(key, CODE, sealed)
    }

    /// Whether it was made a moment ago, and for the browser of this request.
    pub(super) fn is_for(&self, req: &HttpRequest, server: &Server) -> bool {
        let age = OffsetDateTime::now_utc().unix_timestamp().abs_diff(self.made_at);
        let mut states = cookies::values(req.headers(), state_cookie(server));
        age <= CODE_LIFETIME && states.any(|state| sha256_hex(state) == self.state)
    }
}

/// The page below `/pages/` that a field of a query names.
pub(super) fn page(next: &str) -> Option<String> {
    local_path(next).filter(|path| path.starts_with("/pages/"))
}

/// The path and query of a request.
pub(super) fn path_and_query(req: &HttpRequest) -> &str {
    req.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// Where this site sends a reader to a page at `PAGES_HOST`; `None` without one.
pub(super) fn at_pages_host(server: &Server, page: &str) -> Option<String> {
    server.pages_href(&with_query(&[("next", page)]))
}

/// Where this site sends a reader with their code.
pub(super) fn with_code(server: &Server, code: &str) -> Option<String> {
    server.pages_href(&with_query(&[("code", code)]))
}

/// Where `PAGES_HOST` asks this site for a code.
pub(super) fn ask_for_code(server: &Server, state: &str, next: &str) -> String {
    server.href(&with_query(&[("state", &sha256_hex(state)), ("next", next)]))
}

fn with_query(fields: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("{PATH}?{query}")
}

/// The browser's state, which a request may have brought already: pages that are opened at once share it.
pub(super) fn state(req: &HttpRequest, server: &Server) -> Result<String, Error> {
    match cookies::values(req.headers(), state_cookie(server)).next() {
        Some(state) => Ok(state.to_owned()),
        None => random_hex::<32>(),
    }
}

pub(super) fn set_state(server: &Server, state: String) -> Cookie<'static> {
    cookies::for_this_host(server, state_cookie(server), state)
}

pub(super) fn remove_state(server: &Server) -> Cookie<'static> {
    let mut cookie = set_state(server, String::new());
    cookie.make_removal();
    cookie
}

/// The store key in the cookie of `PAGES_HOST`.
pub(super) fn store_keys(req: &HttpRequest, server: &Server, key: &Key) -> Vec<String> {
    let name = reader_cookie(server);
    let sent = cookies::values(req.headers(), name).filter_map(|value| open(key, name, &decoded(value)));
    sent.take(MOST_COOKIES).collect()
}

/// Most cookies of one request that are looked up.
const MOST_COOKIES: usize = 4;

pub(super) fn set_reader(server: &Server, key: &Key, store_key: &str) -> Result<Cookie<'static>, Error> {
    let name = reader_cookie(server);
    Ok(cookies::for_this_host(server, name, seal(key, name, &store_key)?))
}

fn reader_cookie(server: &Server) -> &'static str {
    if server.is_https() { "__Host-gatehouse-pages" } else { "gatehouse-pages" }
}

fn state_cookie(server: &Server) -> &'static str {
    if server.is_https() { "__Host-gatehouse-pages-state" } else { "gatehouse-pages-state" }
}

/// Encrypts and signs a value under a name: under another one, such as that of the session's cookie, it isn't opened.
fn seal(key: &Key, name: &'static str, value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(value).map_err(Error::internal)?;
    let mut jar = CookieJar::new();
    jar.private_mut(key).add(Cookie::new(name, text));
    let sealed = jar.get(name).ok_or_else(|| Error::bug("a sealed value is missing"))?;
    Ok(sealed.value().to_owned())
}

fn open<T: DeserializeOwned>(key: &Key, name: &'static str, sealed: &str) -> Option<T> {
    let jar = CookieJar::new();
    let opened = jar.private(key).decrypt(Cookie::new(name, sealed.to_owned()))?;
    serde_json::from_str(opened.value()).ok()
}

fn decoded(value: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_values_open_under_their_name_and_key_only() {
        let key = Key::generate();
        let sealed = seal(&key, "gatehouse-pages", &"abc").unwrap();
        assert_eq!(open::<String>(&key, "gatehouse-pages", &sealed).as_deref(), Some("abc"));
        assert_eq!(open::<String>(&key, "gatehouse", &sealed), None);
        assert_eq!(open::<String>(&key, CODE, &sealed), None);
        assert_eq!(open::<String>(&Key::generate(), "gatehouse-pages", &sealed), None);
        assert_eq!(open::<String>(&key, "gatehouse-pages", "abc"), None);
    }

    #[test]
    fn next_is_a_page_of_the_operator() {
        for (next, expected) in [
            ("/pages/a b?x=1", Some("/pages/a%20b?x=1")),
            ("/pages/", Some("/pages/")),
            ("/pages/../admin", None),
            ("/admin", None),
            ("//pages/", None),
            ("https://evil.example/pages/", None),
        ] {
            assert_eq!(page(next).as_deref(), expected, "{next}");
        }
    }
}
