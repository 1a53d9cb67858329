//! Sessions without a cookie: the client keeps the session key itself, sealed as a token, and sends it as `Authorization: Bearer`
//! (RFC 6750). For actix-session the token becomes the session cookie of its request, so that such a session is one like any other.

use actix_web::{
    HttpRequest,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderValue, WWW_AUTHENTICATE},
    },
};

use super::{current::CurrentUser, session_cookie::made_of, site_cookie};
use crate::{
    config::{self, Config, Site},
    error::Error,
    security::api::{self, Bearer},
    sessions::{request_context::RequestContext, service::Sessions},
    web::{SiteCookie, cookies, sealed},
};

/// The name under which keys are sealed as tokens: a cookie is no token, nor the other way round.
const SEALED_AS: &str = "gatehouse-token";

/// Leaves a request that brings a token with the session cookie of its key. Returns whether it brings one. `site`: the site with a
/// cookie of its own that it is for.
///
/// # Errors
/// [`Error::BadRequest`] when it brings a session cookie too.
pub(super) fn take(
    req: &mut ServiceRequest,
    config: &Config,
    site: Option<&Site>,
    context: &mut RequestContext,
) -> Result<bool, Error> {
    if !api::is_call(req.path()) {
        return Ok(false);
    }
    let Some(bearer) = api::bearer(req.headers()) else {
        return Ok(false);
    };
    context.by_bearer = true;
    cookies::set_none(req.request());
    let name = &config.session.cookie_name;
    let known_by = site.map_or_else(|| name.clone(), site_cookie::name);
    if cookies::values(req.headers(), &known_by).next().is_some() {
        let text =
            "The request brings a session cookie and a token (Authorization: Bearer). Send one of them.";
        return Err(Error::BadRequest(text.to_owned()));
    }
    let cookie = match bearer {
        Bearer::Token(token) => as_cookie(token, &config.session),
        Bearer::Unreadable => None,
    };
    cookies::choose(req.headers_mut(), name, cookie.as_deref(), &SiteCookie::names(&config.server));
    Ok(true)
}

/// The value of the session cookie with the key of a token, as browsers send it.
fn as_cookie(token: &str, config: &config::Session) -> Option<String> {
    let newest = config.secret.cookie_key();
    let mut keys = std::iter::once(&newest).chain(config.secret.older_cookie_keys());
    made_of(keys.find_map(|key| sealed::open(key, SEALED_AS, token))?, config)
}

/// Tells a client whose token leads to no session so (RFC 6750 §3).
pub(super) fn challenge<B>(res: &mut ServiceResponse<B>) {
    let is_signed_in = matches!(CurrentUser::resolved(res.request()), Some(Some(_)));
    if res.status() == StatusCode::UNAUTHORIZED && !is_signed_in {
        let value = HeaderValue::from_static("Bearer realm=\"gatehouse\", error=\"invalid_token\"");
        res.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}

/// Whether the request brought a token.
pub fn came_by_bearer() -> bool {
    RequestContext::with(|context| context.by_bearer) == Some(true)
}

impl Sessions {
    /// The token of the key that this request has given its session; its client gets no cookie.
    ///
    /// # Errors
    /// [`Error::KeyRotated`] when it has not, since another request has just done so.
    pub fn new_token(&self, req: &HttpRequest) -> Result<String, Error> {
        cookies::set_none(req);
        let text = RequestContext::with(|context| context.new_key.as_ref().map(|new| new.key.text()));
        let text = text.flatten().ok_or(Error::KeyRotated)?;
        sealed::seal(&self.config.secret.cookie_key(), SEALED_AS, &text)
            .ok_or_else(|| Error::bug("a key that can't be sealed"))
    }
}
