//! The cookie by which a browser is known that has signed in before: an id of the browser, and a tag of each account. It is no
//! session and signs nobody in; it is encrypted and authenticated under its name.

use std::sync::Arc;

use actix_web::{
    HttpMessage as _, HttpRequest,
    body::BoxBody,
    cookie::{Cookie, Key as CookieKey, time::Duration},
    dev::ServiceResponse,
};

use super::subject::{Key, Subjects};
use crate::{
    config::{Config, Server},
    crypto::random_hex,
    error::Error,
    security::Client,
    users::User,
    web::{SiteCookie, cookies, sealed},
};

/// Most accounts that one browser is known for; the one that was used longest ago makes way.
const MOST_ACCOUNTS: usize = 8;

/// So many changes of an account ago a browser may have signed in to it to be known as one of its person's, see
/// [`KnownBrowsers::has_known`].
const MOST_EPOCHS: i64 = 100;

/// Browsers keep no cookie longer.
const MAX_AGE: Duration = Duration::days(400);

/// Reads and makes the cookies.
pub(super) struct KnownBrowsers {
    server: Server,
    key: CookieKey,
    subjects: Arc<Subjects>,
    /// What cookies were made with under older secrets.
    older: Vec<(CookieKey, Subjects)>,
}

/// What a cookie says.
struct KnownBrowser {
    id: String,
    /// Those of its accounts, the last used first.
    tags: Vec<String>,
}

/// In the request's extensions: the cookie to set.
struct Pending(Cookie<'static>);

impl KnownBrowsers {
    pub(super) fn new(config: &Config, subjects: Arc<Subjects>) -> Self {
        let secret = &config.session.secret;
        let older = secret.older_cookie_keys().iter().cloned().zip(Subjects::older(secret)).collect();
        Self { server: config.server.clone(), key: secret.cookie_key(), subjects, older }
    }

    /// What is stored in place of where a client is and what it is.
    pub(super) fn origin(&self, client: &Client) -> String {
        self.subjects.origin(client)
    }

    /// The count that the browser of the request has for an account; `None`: it has not signed in to it before.
    pub(super) fn key(&self, req: &HttpRequest, account: &User) -> Option<Key> {
        let (browser, tag) = (self.find(req)?, self.subjects.tag(account.id, account.session_epoch));
        browser.tags.contains(&tag).then(|| self.subjects.browser(&browser.id, &tag))
    }

    /// Whether the browser of the request has ever signed in to an account, whatever was changed of it since, and under whatever secret:
    /// an old tab is still its person's.
    pub(super) fn has_known(&self, req: &HttpRequest, account: i64, epoch: i64) -> bool {
        let newest = std::iter::once((&self.key, &*self.subjects));
        newest.chain(self.older.iter().map(|(key, subjects)| (key, subjects))).any(|(key, subjects)| {
            self.find_under(req, key).is_some_and(|browser| {
                let epochs = epoch.saturating_sub(MOST_EPOCHS)..=epoch;
                epochs.rev().any(|epoch| browser.tags.contains(&subjects.tag(account, epoch)))
            })
        })
    }

    /// Leaves a cookie for [`finish`] by which the browser is known for the account too, while it has this `session_epoch`.
    pub(super) fn remember(&self, req: &HttpRequest, account: i64, epoch: i64) -> Result<(), Error> {
        let tag = self.subjects.tag(account, epoch);
        let mut browser = match self.find(req) {
            Some(browser) => browser,
            None => KnownBrowser { id: random_hex::<16>()?, tags: Vec::new() },
        };
        browser.tags.retain(|other| *other != tag);
        browser.tags.insert(0, tag);
        browser.tags.truncate(MOST_ACCOUNTS);
        if let Some(cookie) = self.cookie(&browser) {
            req.extensions_mut().insert(Pending(cookie));
        }
        Ok(())
    }

    fn find(&self, req: &HttpRequest) -> Option<KnownBrowser> {
        self.find_under(req, &self.key)
    }

    fn find_under(&self, req: &HttpRequest, key: &CookieKey) -> Option<KnownBrowser> {
        let name = SiteCookie::KnownBrowser.name(&self.server);
        cookies::values(req.headers(), name)
            .find_map(|value| KnownBrowser::parse(&sealed::open(key, name, value)?))
    }

    fn cookie(&self, browser: &KnownBrowser) -> Option<Cookie<'static>> {
        let name = SiteCookie::KnownBrowser.name(&self.server);
        let sealed = sealed::seal(&self.key, name, &browser.text())?;
        let mut cookie = cookies::for_this_host(&self.server, name, sealed);
        cookie.set_max_age(MAX_AGE);
        Some(cookie)
    }
}

impl KnownBrowser {
    fn parse(text: &str) -> Option<Self> {
        let (id, tags) = text.split_once(':')?;
        Some(Self { id: id.to_owned(), tags: tags.split('.').map(str::to_owned).collect() })
    }

    fn text(&self) -> String {
        format!("{}:{}", self.id, self.tags.join("."))
    }
}

/// Sets the cookie that [`super::Throttle::remember_browser`] has left, if the request succeeded.
pub fn finish(res: &mut ServiceResponse<BoxBody>) {
    let pending = res.request().extensions_mut().remove::<Pending>();
    if let Some(Pending(cookie)) = pending.filter(|_| !res.status().is_server_error()) {
        cookies::append(res.headers_mut(), &cookie);
    }
}
