//! The handlers of `PAGES_HOST`, the operator's pages under a host name of their own, and of the way there.

use std::rc::Rc;

use actix_web::{HttpRequest, HttpResponse, http::Method, web::Data};
use serde::Deserialize;

use super::{
    pages::{answer, see_other},
    pages_sign_in::{self, Code},
};
use crate::{
    config::Config,
    error::Error,
    security::headers,
    sessions::{CurrentUser, Sessions, current_store_key},
    web::{Query, accept::is_from_script, cookies},
};

/// The query of `/pages-sign-in`, at either host.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignInQuery {
    /// The page that the reader wants.
    next: String,
    /// The SHA-256 of the browser's state, in hex.
    state: String,
    /// What this site says to `PAGES_HOST`.
    code: String,
}

/// `GET /pages-sign-in?state=…&next=…` at this site: leads back to `PAGES_HOST` with a code for the session.
///
/// # Errors
/// [`Error::NotFound`] without `PAGES_HOST`; [`Error::BadRequest`] for another query than that host makes.
pub async fn hand_over(config: Data<Config>, query: Query<SignInQuery>) -> Result<HttpResponse, Error> {
    let server = &config.server;
    if server.pages_host.is_none() {
        return Err(Error::NotFound);
    }
    let query = query.into_inner();
    let is_hash = query.state.len() == 64 && query.state.bytes().all(|byte| byte.is_ascii_hexdigit());
    let next = pages_sign_in::page(&query.next).filter(|_| is_hash).ok_or_else(no_page)?;
    let store_key = current_store_key().ok_or(Error::SignInFirst)?;
    let code = Code::new(store_key, query.state, next).seal(&config.session.secret.cookie_key())?;
    pages_sign_in::with_code(server, &code).map(|there| see_other(&there)).ok_or(Error::NotFound)
}

/// `GET /pages-sign-in` at `PAGES_HOST`. With `next`: leads to that page, over this site when the reader is not known yet. With
/// `code`: the reader becomes known.
///
/// # Errors
/// [`Error::BadRequest`] for a code that was not made for this browser a moment ago, or when nothing is asked for.
pub async fn sign_in(
    req: HttpRequest,
    config: Data<Config>,
    sessions: Data<Sessions>,
    query: Query<SignInQuery>,
) -> Result<HttpResponse, Error> {
    let server = &config.server;
    if !query.code.is_empty() {
        return redeem(&req, &config, &sessions, &query.code).await;
    }
    let next = pages_sign_in::page(&query.next).ok_or_else(no_page)?;
    if reader(&req, &config, &sessions).await?.is_some() {
        return Ok(see_other(&next));
    }
    let state = pages_sign_in::state(&req, server)?;
    let mut response = see_other(&pages_sign_in::ask_for_code(server, &state, &next));
    cookies::append(response.headers_mut(), &pages_sign_in::set_state(server, state));
    Ok(response)
}

async fn redeem(
    req: &HttpRequest,
    config: &Config,
    sessions: &Sessions,
    sealed: &str,
) -> Result<HttpResponse, Error> {
    let (server, key) = (&config.server, config.session.secret.cookie_key());
    let code = Code::open(&key, sealed).ok_or_else(unusable_code)?;
    if !code.is_for(req, server) {
        // Of pages that were opened at once the first one has used the state.
        return match reader(req, config, sessions).await? {
            Some(_) => Ok(see_other(&code.next)),
            None => Err(unusable_code()),
        };
    }
    if sessions.use_by_store_key(req, code.store_key.clone()).await?.is_none() {
        return Ok(see_other(&server.href(&code.next)));
    }
    let mut response = see_other(&code.next);
    cookies::append(response.headers_mut(), &pages_sign_in::remove_state(server));
    cookies::append(response.headers_mut(), &pages_sign_in::set_reader(server, &key, &code.store_key)?);
    Ok(response)
}

/// `GET /pages/{path}` at `PAGES_HOST`: as at this site, with scripts.
///
/// # Errors
/// As [`super::pages::serve`]; [`Error::SignInFirst`] for a part of a page whose reader is not known.
pub async fn serve(
    req: HttpRequest,
    config: Data<Config>,
    sessions: Data<Sessions>,
    path: actix_web::web::Path<String>,
) -> Result<HttpResponse, Error> {
    match reader(&req, &config, &sessions).await? {
        Some(user) => answer(&req, &config, path.into_inner(), &user, headers::PAGES_HOST_CSP).await,
        None if is_from_script(&req) => Err(Error::SignInFirst),
        None => Ok(see_other(&config.server.href(pages_sign_in::path_and_query(&req)))),
    }
}

/// `GET /` at `PAGES_HOST`.
pub async fn front() -> HttpResponse {
    see_other("/pages/")
}

/// Everything else at `PAGES_HOST` is at this site.
///
/// # Errors
/// [`Error::NotFound`] for a form.
pub async fn elsewhere(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    match *req.method() {
        Method::GET | Method::HEAD => Ok(see_other(&config.server.href(pages_sign_in::path_and_query(&req)))),
        _ => Err(Error::NotFound),
    }
}

/// The reader, known by the cookie of this host.
async fn reader(
    req: &HttpRequest,
    config: &Config,
    sessions: &Sessions,
) -> Result<Option<Rc<CurrentUser>>, Error> {
    let key = config.session.secret.cookie_key();
    for store_key in pages_sign_in::store_keys(req, &config.server, &key) {
        if let Some(user) = sessions.use_by_store_key(req, store_key).await? {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

fn unusable_code() -> Error {
    let text = "This link to the pages works once and in one browser, which has to keep a cookie for them.";
    Error::BadRequest(text.to_owned())
}

fn no_page() -> Error {
    Error::BadRequest("The address names no page below /pages/.".to_owned())
}
