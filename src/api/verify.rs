//! `GET /auth/verify`: whether a proxy may let a request pass to the site behind it (forward authentication), and who sends it.

use std::collections::BTreeSet;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue, LOCATION},
    web::Data,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::{
    Url,
    form_urlencoded::{self, Serializer},
};
use utoipa::IntoParams;

use super::{answers::Problem, own_sessions::mistake};
use crate::{
    config::{Config, Server},
    error::Error,
    security::{OriginalRequest, next_page, refusal, site},
    sessions::{CurrentUser, refuse_replaced_key},
    users::Role,
};

/// What is asked.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// `admin`: only administrators pass.
    #[param(required = false, pattern = "^(user|admin)?$")]
    role: String,
    /// `1`: a browser that asks for a page is sent to sign in (302), for proxies that hand this answer on to it.
    #[param(required = false, pattern = "^[01]?$")]
    redirect: String,
}

impl Asked {
    /// Reads a query strictly: a role that was misspelt or given twice must let nobody pass.
    fn read(query: &str) -> Result<Self, Error> {
        let (mut asked, mut known) = (Self::default(), BTreeSet::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "role" => asked.role = value.into_owned(),
                "redirect" => asked.redirect = value.into_owned(),
                _ => return Err(mistake(&name, "There is no field of this name.")),
            }
            if !known.insert(name.clone()) {
                return Err(mistake(&name, "This field was sent more than once."));
            }
        }
        Ok(asked)
    }
}

/// `GET /auth/verify`
///
/// # Errors
/// [`Error::SignInFirst`] for nobody; [`Error::Forbidden`] without the role; [`Error::SecondFactorMissing`] without the second factor that is required; [`Error::Fields`] for another query; [`Error::Unavailable`] when a store can't be read.
#[utoipa::path(
    get, path = "/auth/verify", tag = "Sites behind this login", summary = "May this request pass?",
    description = "Asked by a proxy (nginx auth_request, Caddy forward_auth, Traefik forwardAuth) for each request to a site behind it, with the request's cookies or token.",
    params(Asked),
    responses(
        (status = 200, description = "It may. The headers say who sends it; values are percent-encoded outside of visible ASCII.", headers(
            ("Remote-User" = String, description = "The number of the account."),
            ("Remote-Name" = String, description = "The name."),
            ("Remote-Email" = String, description = "The address, once it was confirmed."),
            ("Remote-Groups" = String, description = "The role, user or admin."),
            ("Remote-Session" = String, description = "The public id of the session, the same for its whole life."),
        )),
        (status = 302, description = "With redirect=1: nobody is signed in, or somebody who has to set up a second factor first, and a browser asks for a page."),
        (status = 401, description = "Nobody is signed in. For a page that a browser asks for, Location says where to sign in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Somebody without the role, or without the second factor that the site requires (type `second-factor-missing`). For a page that a browser asks for, Location then says where to set one up.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "role or redirect holds something else or is there twice, or another field is there.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn verify(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    let asked = Asked::read(req.query_string())?;
    let needs_admin = match asked.role.as_str() {
        "" | "user" => false,
        "admin" => true,
        _ => return Err(mistake("role", "Ask for user or admin.")),
    };
    let leads_to_sign_in = match asked.redirect.as_str() {
        "" | "0" => false,
        "1" => true,
        _ => return Err(mistake("redirect", "Send 1, or leave it out.")),
    };
    let user = match CurrentUser::find(&req).await {
        // The browser has the new key by now, or is given it at the sign-in page, which leads back.
        Err(Error::KeyRotated) => {
            refuse_replaced_key();
            None
        }
        user => user?,
    };
    let Some(user) = user else {
        check_handed_over(&req, &config.server)?;
        return Ok(lead_to("/login", Error::SignInFirst, &req, &config.server, leads_to_sign_in));
    };
    if user.must_set_up() {
        return Ok(lead_to("/security", Error::SecondFactorMissing, &req, &config.server, leads_to_sign_in));
    }
    if needs_admin && user.role != Role::Admin {
        return Err(Error::Forbidden("Only administrators may pass here."));
    }
    Ok(passes(&user))
}

/// Refuses a question about a path that the proxy of a site with a cookie of its own has to hand over. People would be sent to sign in
/// again and again.
fn check_handed_over(req: &HttpRequest, server: &Server) -> Result<(), Error> {
    let original = OriginalRequest::of(req, server);
    let is_own = |url: &Url| site::is_handed_over(url.path());
    if site::of(server, req.head()).is_none() || !original.url.as_ref().is_some_and(is_own) {
        return Ok(());
    }
    let text = "The proxy of this site asks about /.gatehouse/, which it has to hand over to Gatehouse.";
    refusal::log(req, "not_handed_over", None, text);
    Err(Error::BadRequest(text.to_owned()))
}

/// The answer for somebody who has to go to a page of this site first. A page that a browser asks for is told where that is, with the
/// way back where that is known and allowed.
fn lead_to(first: &str, error: Error, req: &HttpRequest, server: &Server, leads_there: bool) -> HttpResponse {
    let original = OriginalRequest::of(req, server);
    let mut response = match leads_there && original.is_page {
        true => HttpResponse::Found().finish(),
        false => HttpResponse::from_error(error),
    };
    let next = original.url.as_ref().map(Url::as_str).filter(|url| next_page(url, server).is_some());
    let query = next.map(|next| Serializer::new(String::new()).append_pair("next", next).finish());
    let path = query.map_or_else(|| first.to_owned(), |query| format!("{first}?{query}"));
    if original.is_page
        && let Ok(address) = HeaderValue::from_str(&server.href(&path))
    {
        response.headers_mut().insert(LOCATION, address);
    }
    response
}

const USER: HeaderName = HeaderName::from_static("remote-user");
const NAME: HeaderName = HeaderName::from_static("remote-name");
const EMAIL: HeaderName = HeaderName::from_static("remote-email");
const GROUPS: HeaderName = HeaderName::from_static("remote-groups");
const SESSION: HeaderName = HeaderName::from_static("remote-session");

fn passes(user: &CurrentUser) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((USER, user.id));
    response.insert_header((NAME, encoded(&user.name)));
    response.insert_header((GROUPS, user.role.name()));
    // By it a service that holds connections open knows which of them an end concerns.
    response.insert_header((SESSION, user.session.id.as_str()));
    // An address that nobody has proven must not decide anything elsewhere.
    if user.email_confirmed {
        response.insert_header((EMAIL, encoded(&user.email)));
    }
    response.finish()
}

/// What stands for itself in a header: visible ASCII and spaces, but no escapes of others.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

fn encoded(text: &str) -> HeaderValue {
    let text = utf8_percent_encode(text, ESCAPED).to_string();
    HeaderValue::from_str(text.trim()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identity_is_encoded() {
        for (text, header) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Zoë", "Zo%C3%AB"),
            ("100% \"x\", y;z", "100%25 \"x\", y;z"),
            ("a\r\nRemote-Groups: admin", "a%0D%0ARemote-Groups: admin"),
            ("\0\u{7f}", "%00%7F"),
        ] {
            assert_eq!(encoded(text).to_str().unwrap(), header);
        }
    }

    proptest! {
        #[test]
        fn identity_can_be_decoded_again(text in "\\PC{1,20}") {
            let header = encoded(text.trim());
            let decoded = percent_encoding::percent_decode(header.as_bytes()).decode_utf8().unwrap();
            prop_assert_eq!(decoded.as_ref(), text.trim_matches(' ').trim());
        }
    }
}
