//! The cookie of a site of its own, by which a request there is known: the secret of a row of the catalogue, sealed for that site
//! alone. It leads to a session and is of no use elsewhere: not at another site, not at this one, nor as a token.

use std::rc::Rc;

use actix_web::{
    HttpMessage as _, HttpRequest, cookie::Cookie, dev::ServiceRequest, http::header::HeaderMap,
};

use super::current::CurrentUser;
use crate::{
    config::{self, Config, SessionKind, Site},
    crypto::sha256_hex,
    error::Error,
    sessions::{duration::time_duration, request_context::RequestContext, service::Sessions},
    web::{cookies, sealed},
};

/// Most cookies of one request that are looked up.
const MOST_COOKIES: usize = 4;

/// The name of a site's cookie there.
pub(super) fn name(site: &Site) -> String {
    site.cookie_name("site")
}

/// Leaves a request with the site's own cookie alone: the session's cookie is not for it, whoever has set one.
pub(super) fn keep_alone(req: &mut ServiceRequest, config: &Config, site: &Site) {
    cookies::choose(req.headers_mut(), &config.session.cookie_name, None, &[name(site).as_str()]);
}

/// In the request's extensions: the cookie that has led to a session.
#[derive(Clone)]
struct Used {
    secret: String,
    /// It came under an older `SESSION_SECRET`.
    is_old: bool,
}

/// The site is part of the name that a secret is sealed under.
fn sealed_as(site: &Site) -> String {
    format!("gatehouse-site {site}")
}

/// The secrets in the cookies that a request brings for a site, and whether they came under an older `SESSION_SECRET`.
fn sent(headers: &HeaderMap, config: &config::Session, site: &Site) -> Vec<Used> {
    let (newest, name) = (config.secret.cookie_key(), sealed_as(site));
    let open = |value: &str| {
        let under = |key, is_old| Some(Used { secret: sealed::open(key, &name, value)?, is_old });
        let mut older = config.secret.older_cookie_keys().iter();
        under(&newest, false).or_else(|| older.find_map(|key| under(key, true)))
    };
    cookies::values(headers, &self::name(site)).filter_map(open).take(MOST_COOKIES).collect()
}

impl Sessions {
    /// The user whom the site's own cookie of a request leads to.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub(super) async fn use_by_site_cookie(
        &self,
        req: &HttpRequest,
        site: &Site,
    ) -> Result<Option<Rc<CurrentUser>>, Error> {
        for used in sent(req.headers(), &self.config, site) {
            let found = self.lookup.find_by_site_cookie(sha256_hex(&used.secret)).await?;
            let Some(found) = found else { continue };
            if let Some(user) = self.use_found(req, &found).await? {
                req.extensions_mut().insert(used);
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    /// The site's own cookie with this secret, for the browser of a session.
    ///
    /// # Errors
    /// [`Error::Internal`] when it can't be sealed.
    pub fn site_cookie(
        &self,
        site: &Site,
        secret: &str,
        kind: SessionKind,
    ) -> Result<Cookie<'static>, Error> {
        let value = sealed::seal(&self.config.secret.cookie_key(), &sealed_as(site), secret);
        let value = value.ok_or_else(|| Error::bug("a cookie that can't be sealed"))?;
        let mut cookie = cookies::at_site(site, "site", value);
        if kind.remembered {
            cookie.set_max_age(time_duration(self.config.ttl(kind)));
        }
        Ok(cookie)
    }
}

/// The cookie that the request came with, under the newest secret; that of a remembered session with its lifetime started anew.
/// `None`: the browser has it for as long as it should.
pub(super) fn renewed(
    req: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
    context: &RequestContext,
) -> Option<Cookie<'static>> {
    let user = CurrentUser::resolved(req)??;
    let used = req.extensions().get::<Used>()?.clone();
    if context.in_background || !(user.session.kind.remembered || used.is_old) {
        return None;
    }
    sessions.site_cookie(site, &used.secret, user.session.kind).ok()
}
