//! How a browser that is signed in to this site becomes known at a site with a cookie of its own: one of `GATE_HOSTS`, or
//! `PAGES_HOST`.
//!
//! Such a site never sees the session's cookie. It keeps a random state in the browser and sends it, hashed, to this site; this site
//! answers with a code that names the session, the site, the state and the page. The code is sealed, good for a minute and for one
//! use, and worth nothing without the state, so nobody else can use it, nor be made to use somebody else's; the site gives the state
//! up for its cookie.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, Key},
};
use serde::{Deserialize, Serialize};

use crate::{
    config::Site,
    crypto::{random_hex, sha256_hex},
    error::Error,
    web::{cookies, sealed},
};

/// The name under which codes are sealed.
const SEALED_AS: &str = "gatehouse-site-code";

/// What the cookie with the state is for.
const STATE: &str = "site-state";

/// What a code says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Code {
    /// By which it is known that it was used.
    pub id: String,
    /// The public session id.
    pub session_id: String,
    /// The store key of the session.
    pub store_key: String,
    /// The site that it is for.
    site: String,
    /// The SHA-256 of the browser's state, in hex.
    state: String,
    /// The page of the site that is wanted.
    pub next: String,
    /// Unix seconds of the database.
    pub made_at: i64,
}

impl Code {
    /// For a session by its id and store key; `made_at`: [`Sessions::code_time`](crate::sessions::Sessions::code_time).
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system has no random numbers.
    pub(super) fn new(
        (session_id, store_key): (String, String),
        site: &Site,
        state: String,
        next: String,
        made_at: i64,
    ) -> Result<Self, Error> {
        let (id, site) = (random_hex::<16>()?, site.to_string());
        Ok(Self { id, session_id, store_key, site, state, next, made_at })
    }

    /// # Errors
    /// [`Error::Internal`] when it can't be sealed.
    pub(super) fn seal(&self, key: &Key) -> Result<String, Error> {
        let text = serde_json::to_string(self).map_err(Error::internal)?;
        sealed::seal(key, SEALED_AS, &text).ok_or_else(|| Error::bug("a code that can't be sealed"))
    }

    /// A code that this program has made for a site, whenever and for whichever browser.
    pub(super) fn open<'a>(
        mut keys: impl Iterator<Item = &'a Key>,
        sealed: &str,
        site: &Site,
    ) -> Option<Self> {
        let text = keys.find_map(|key| sealed::open(key, SEALED_AS, sealed))?;
        serde_json::from_str(&text).ok().filter(|code: &Self| code.site == site.to_string())
    }

    /// Whether it was made for the browser of this request.
    pub(super) fn is_for(&self, req: &HttpRequest, site: &Site) -> bool {
        states(req, site).any(|state| sha256_hex(state) == self.state)
    }
}

/// The browser's state, which a request may have brought already: pages that are opened at once share it.
///
/// # Errors
/// [`Error::Internal`] when the operating system has no random numbers.
pub(super) fn state(req: &HttpRequest, site: &Site) -> Result<String, Error> {
    let sent = states(req, site).next().map(str::to_owned);
    sent.map_or_else(random_hex::<32>, Ok)
}

fn states<'a>(req: &'a HttpRequest, site: &Site) -> impl Iterator<Item = &'a str> {
    let sent: Vec<&str> = cookies::values(req.headers(), &site.cookie_name(STATE)).collect();
    sent.into_iter().filter(|state| is_hash(state))
}

/// Whether a text is a state or the hash of one.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn set_state(site: &Site, state: String) -> Cookie<'static> {
    cookies::at_site(site, STATE, state)
}

pub(super) fn remove_state(site: &Site) -> Cookie<'static> {
    cookies::removal_at_site(site, STATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn codes_open_for_their_site_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let vars = [
            ("DATABASE_URL", format!("sqlite://{}/site.db", folder.path().display())),
            ("BASE_URL", "https://login.example.org".to_owned()),
            ("GATE_HOSTS", "app.example.net,app.example.net:8443".to_owned()),
        ];
        let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value))).unwrap();
        let [one, other] = config.server.gate.sites() else { panic!("two sites") };
        let (key, another) = (Key::generate(), Key::generate());
        let session = ("i".to_owned(), "k".to_owned());
        let code = Code::new(session, one, "s".to_owned(), "/x".to_owned(), 7).unwrap();
        let sealed = code.seal(&key).unwrap();
        assert_eq!(Code::open([&another, &key].into_iter(), &sealed, one).unwrap().next, "/x");
        assert!(Code::open([&key].into_iter(), &sealed, other).is_none());
        assert!(Code::open([&another].into_iter(), &sealed, one).is_none());
        assert!(Code::open([&key].into_iter(), &sealed[1..], one).is_none());
    }
}
