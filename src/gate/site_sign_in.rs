//! The handlers by which a browser becomes known at a site with a cookie of its own: one at this site, two below `/.gatehouse/` of
//! the other, which its proxy hands over.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{
    code::{self, Code},
    pages::see_other,
};
use crate::{
    config::{Config, Site},
    crypto::sha256_hex,
    error::{Error, LinkOn},
    security::{
        refusal,
        site::{self, page},
    },
    sessions::{CodeUse, CurrentUser, Sessions, current_store_key},
    web::{Query, cookies},
};

/// Where this site makes codes.
const HAND_OVER: &str = "/site-sign-in";

/// Most bytes of an address that a sign-in leads back to.
const MAX_ADDRESS: usize = 2048;

/// What another site asks this one for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct HandOverQuery {
    /// The site: its host with its port.
    site: String,
    /// The SHA-256 of the browser's state, in hex.
    state: String,
    /// The page there.
    next: String,
}

/// `GET /site-sign-in?site=…&state=…&next=…` at this site: leads back to the other one with a code for the session.
///
/// # Errors
/// [`Error::NotFound`] for a site that is not behind this login; [`Error::BadRequest`] for another query than such a site makes.
pub async fn hand_over(
    config: Data<Config>,
    sessions: Data<Sessions>,
    user: CurrentUser,
    query: Query<HandOverQuery>,
) -> Result<HttpResponse, Error> {
    let query = query.into_inner();
    let site = config.server.site(&query.site).ok_or(Error::NotFound)?;
    if !code::is_hash(&query.state) {
        return Err(Error::BadRequest("The address was not made by the site that it names.".to_owned()));
    }
    let store_key = current_store_key().ok_or(Error::SignInFirst)?;
    let session = (user.session.id, store_key);
    let made_at = sessions.code_time().await?;
    let code = Code::new(session, &site, query.state, page(&query.next), made_at)?;
    let sealed = code.seal(&config.session.secret.cookie_key())?;
    Ok(see_other(&site.href(&format!("{}/callback?code={sealed}", site::PREFIX))))
}

/// `?next=`: the page that is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NextQuery {
    next: String,
}

/// `GET /.gatehouse/sign-in?next=…` at another site: leads to that page, by way of this site when the browser is not known yet.
///
/// # Errors
/// [`Error::Unavailable`] when store or database can't be read.
pub async fn begin(
    req: HttpRequest,
    config: Data<Config>,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Error> {
    let site = at(&req, &config)?;
    let next = page(&query.into_inner().next);
    if CurrentUser::find(&req).await?.is_some() {
        return Ok(see_other(&next));
    }
    let state = code::state(&req, &site)?;
    let mut response = see_other(&config.server.href(&ask_for_code(&site, &state, &next)));
    cookies::append(response.headers_mut(), &code::set_state(&site, state));
    Ok(response)
}

/// The path of this site that makes the code. An address that is too long to come back to leads to the front page.
fn ask_for_code(site: &Site, state: &str, next: &str) -> String {
    let (site, state) = (site.to_string(), sha256_hex(state));
    let with = |next: &str| {
        let fields = [("site", site.as_str()), ("state", &state), ("next", next)];
        format!("{HAND_OVER}?{}", Serializer::new(String::new()).extend_pairs(fields).finish())
    };
    let path = with(next);
    if path.len() <= MAX_ADDRESS { path } else { with("/") }
}

/// `?code=`: what this site has said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CodeQuery {
    code: String,
}

/// `GET /.gatehouse/callback?code=…` at another site: the browser becomes known.
///
/// # Errors
/// [`Error::BadRequest`] for what is no code for this site; [`Error::Unavailable`] when a store can't be written.
pub async fn callback(
    req: HttpRequest,
    config: Data<Config>,
    sessions: Data<Sessions>,
    query: Query<CodeQuery>,
) -> Result<HttpResponse, Error> {
    let site = at(&req, &config)?;
    let secret = &config.session.secret;
    let newest = secret.cookie_key();
    let keys = std::iter::once(&newest).chain(secret.older_cookie_keys());
    let code = Code::open(keys, &query.code, &site).ok_or_else(unusable)?;
    // Whoever brings it, it is used up: one that another browser has shown, or a log, is of no use to whose state it is for.
    match sessions.use_code(code.id.clone(), code.session_id.clone(), code.made_at).await? {
        CodeUse::First if code.is_for(&req, &site) => redeem(&req, &site, &sessions, code).await,
        CodeUse::TooOld if code.is_for(&req, &site) => Ok(see_other(&code.next)),
        // Of pages that were opened at once the first one has used the state.
        _ if CurrentUser::find(&req).await?.is_some() => Ok(see_other(&code.next)),
        _ => {
            refusal::log(&req, "code_refused", None, "used before, or made for another browser");
            Ok(unusable_for(&code.next))
        }
    }
}

/// Gives the browser the site's cookie; one whose session has ended or got a new key meanwhile asks for its page again.
async fn redeem(
    req: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
    code: Code,
) -> Result<HttpResponse, Error> {
    let mut response = see_other(&code.next);
    let Some(user) = sessions.use_by_store_key(req, code.store_key.clone()).await? else {
        return Ok(response);
    };
    let Some(secret) = sessions.site_secret(code.store_key, site.to_string()).await? else {
        return Ok(response);
    };
    let cookie = sessions.site_cookie(site, &secret, user.session.kind)?;
    cookies::append(response.headers_mut(), &code::remove_state(site));
    cookies::append(response.headers_mut(), &cookie);
    Ok(response)
}

/// The site that a request is for.
fn at(req: &HttpRequest, config: &Config) -> Result<Site, Error> {
    site::of(&config.server, req.head()).ok_or(Error::NotFound)
}

fn unusable() -> Error {
    let text = "This way to sign in works once, within a minute, and in one browser, which has to keep a cookie for it.";
    Error::BadRequest(text.to_owned())
}

fn unusable_for(page: &str) -> HttpResponse {
    let mut response = HttpResponse::from_error(unusable());
    let link = LinkOn { href: page.to_owned(), label: "Open the page again".to_owned() };
    response.extensions_mut().insert(link);
    response
}
