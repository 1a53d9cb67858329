//! Who may use a route, and the response to all other clients.

use std::{future::Future, pin::Pin};

use actix_web::{
    Error as ActixError, HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::LOCATION},
    middleware::Next,
};

use crate::{
    accounts::{
        Accounts,
        pages::{confirm, login, lost_cookie, security, sensitive_action::SensitiveAction},
    },
    config::Config,
    error::{Detail, Error, LinkOn},
    layout::{Layout, see_other},
    security::Client,
    sessions::{CurrentUser, EndedSession, Sessions, unproven_sentence},
    state::shared,
    web::{
        SentForm,
        accept::{is_from_script, wants_json},
    },
};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Signed-in users.
    User,
    /// Administrators.
    Admin,
}

/// Who may use a route, and what its forms need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub access: Access,
    /// The action for which the password must have been given recently, if it is one.
    pub sensitive: Option<SensitiveAction>,
    /// Which page has the form that sends the request.
    pub form_page: FormPage,
    /// Whether scripts call it, with a body of their own and not with the form of a page.
    pub is_call: bool,
    /// Whether it ends the session of its request: also one that is bound to another device.
    pub signs_out: bool,
    /// Whether somebody may use it who has to set up a second factor first (`SECOND_FACTOR`).
    pub is_for_set_up: bool,
}

/// What setting up a second factor needs: beside the pages below `/security`, giving the password again, the stream that tells an
/// open page of its session's end, and signing out.
const FOR_SET_UP: [&str; 5] =
    ["/security", "/confirm-password", "/confirm-password/options", "/session/events", "/auth/logout"];

/// The call that ends the session of its request. Whoever has copied a session's cookie does no harm by it.
pub(super) fn signs_out(path: &str) -> bool {
    path == "/auth/logout"
}

/// Whether a route serves to set up a second factor.
pub(super) fn is_for_set_up(path: &str) -> bool {
    FOR_SET_UP.contains(&path) || path.starts_with("/security/")
}

/// Which page has the form that sends a request; the client returns to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormPage {
    /// How many segments of the request's path its own path lacks.
    pub levels_up: usize,
}

impl FormPage {
    /// The path of the page.
    pub(super) fn of(self, req: &HttpRequest) -> String {
        let mut path = req.path();
        for _ in 0..self.levels_up {
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        if path.is_empty() { "/".to_owned() } else { path.to_owned() }
    }
}

/// What an administrator reads whose session is not bound (`SESSION_BINDING_ADMIN`).
const BIND_FIRST: &str = "Administration needs a session that is bound to its device, so that a copy of its cookie is of no use. Sign in \
    with a browser that can do so: Chrome 145 or later, on a computer with Windows and a TPM. If you have just signed in with one, try again.";

type CheckFuture = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, ActixError>>>>;

/// Middleware of a route: passes the request on to its handler, or responds to a client that may not use it.
pub(super) fn check(
    rule: Rule,
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> CheckFuture {
    Box::pin(async move {
        match refusal(rule, &mut req).await {
            Ok(None) => Ok(next.call(req).await?.map_into_boxed_body()),
            Ok(Some(response)) => Ok(req.into_response(response)),
            Err(error) => Ok(req.error_response(error)),
        }
    })
}

/// The response to a client that may not use the route, or not as it is now; `None`: it may. What few requests need is boxed: each
/// request is moved from one middleware to the next with room for all that it may wait for.
async fn refusal(rule: Rule, req: &mut ServiceRequest) -> Result<Option<HttpResponse>, Error> {
    if rule.access == Access::Public {
        return if rule.is_call { Ok(None) } else { Box::pin(refusal_of_public(rule, req)).await };
    }
    // Before the body, which may take its time: a form of a session that ends meanwhile is refused by the operation itself.
    let found = match rule.signs_out {
        true => Box::pin(CurrentUser::find_to_end(req.request())).await,
        false => CurrentUser::find(req.request()).await,
    };
    let Some(user) = found? else {
        return Ok(Some(Box::pin(not_signed_in(req)).await));
    };
    let sent = if rule.is_call { SentForm::default() } else { SentForm::take(req).await? };
    if let Some(response) = other_session(rule, req.request(), &sent, &user) {
        return Ok(Some(response));
    }
    shared::<Sessions>(req.request())?.rotate_if_stale(req.request(), &user)?;
    if user.must_set_up() && !rule.is_for_set_up {
        return set_up_first(req.request()).map(Some);
    }
    if rule.access == Access::Admin {
        if !user.is_admin() {
            return Err(Error::administrators_only());
        }
        if !user.session.is_bound && is_binding_required(req.request())? {
            return Ok(Some(bind_first(req.request())));
        }
    }
    req.extensions_mut().insert(sent);
    let accounts = shared::<Accounts>(req.request())?.clone();
    if let Some(action) = rule.sensitive {
        let layout_and_client = (req.extract::<Layout>().await?, req.extract::<Client>().await?);
        let req = req.request();
        let describe = async |fields: &[_]| action.describe(req, &accounts, &user, fields).await;
        let back = rule.form_page.of(req);
        return Box::pin(confirm::required(req, &accounts, &user, layout_and_client, back, describe)).await;
    }
    Ok(None)
}

/// The response to somebody who has to set up a second factor first. A page leads to where that is done, and from there back to it.
fn set_up_first(req: &HttpRequest) -> Result<HttpResponse, Error> {
    if is_from_script(req) {
        return Err(Error::SecondFactorMissing);
    }
    if req.method().is_safe() {
        let here = req.uri().path_and_query().map_or("/", |path| path.as_str());
        return Ok(see_other(&security::href(here), None));
    }
    let mut response = HttpResponse::from_error(Error::SecondFactorMissing);
    let label = "Set up a second factor".to_owned();
    response.extensions_mut().insert(LinkOn { href: "/security".to_owned(), label });
    Ok(response)
}

/// Whether administrators' pages need a session that is bound to its device.
fn is_binding_required(req: &HttpRequest) -> Result<bool, Error> {
    let binding = shared::<Config>(req)?.session.binding.as_ref();
    Ok(binding.is_some_and(|binding| binding.required_of_administrators))
}

/// The response to an administrator whose session is not bound to its device. A browser that can do so has it bound a moment after the
/// sign-in.
fn bind_first(req: &HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::from_error(Error::Forbidden(BIND_FIRST));
    if req.method().is_safe() {
        let href = req.uri().path_and_query().map_or("/admin", |path| path.as_str()).to_owned();
        response.extensions_mut().insert(LinkOn { href, label: "Try again".to_owned() });
    }
    response
}

/// As [`refusal`], for a route that anyone may use: a form that names a session is held to it where somebody is signed in.
async fn refusal_of_public(rule: Rule, req: &mut ServiceRequest) -> Result<Option<HttpResponse>, Error> {
    let sent = SentForm::take(req).await?;
    if sent.for_session.is_none() {
        return Ok(None);
    }
    let user = CurrentUser::find(req.request()).await?;
    Ok(user.and_then(|user| other_session(rule, req.request(), &sent, &user)))
}

/// The response to a form or stream of a page that was made for another session than the one that sends it. Somebody else may
/// have signed in in another tab of the browser: they must not act by a page that they have never seen.
fn other_session(rule: Rule, req: &HttpRequest, sent: &SentForm, user: &CurrentUser) -> Option<HttpResponse> {
    let made_for = sent.for_session.as_ref()?;
    if *made_for == user.session.id {
        return None;
    }
    let outcome = if req.method().is_safe() { "load it again" } else { "nothing was changed" };
    let mut response = HttpResponse::from_error(Error::OtherSession(format!(
        "You are now signed in as {} ({}) in this browser. This page was opened in another session: {outcome}.",
        user.name, user.email
    )));
    let can_open = rule.access != Access::Admin || user.is_admin();
    let href = if can_open { rule.form_page.of(req) } else { "/".to_owned() };
    let label = format!("Go on as {}", user.name);
    response.extensions_mut().insert(LinkOn { href, label });
    Some(response)
}

/// The response to a client that is not signed in: a redirect to the sign-in page, which leads back to the request's path; for a
/// submitted form the sign-in page itself with 401; for a client that wants JSON an error with the reason.
async fn not_signed_in(req: &mut ServiceRequest) -> HttpResponse {
    if wants_json(req.request()) {
        let mut response = HttpResponse::from_error(Error::SignInFirst);
        let unproven = unproven_sentence().map(str::to_owned);
        let sentence = match unproven {
            Some(sentence) => sentence,
            None => EndedSession::of(req.request()).await.map_or_else(
                || "You are not signed in. Sign in to go on.".to_owned(),
                |ended| ended.message.sentence(),
            ),
        };
        response.extensions_mut().insert(Detail(sentence));
        return response;
    }
    if matches!(*req.method(), Method::GET | Method::HEAD) {
        let here = req.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("next", here);
        if unproven_sentence().is_none() && lost_cookie::is_lost(req.request()).await {
            query.append_pair(lost_cookie::QUERY.0, lost_cookie::QUERY.1);
        }
        let query = query.finish();
        return HttpResponse::SeeOther().insert_header((LOCATION, format!("/login?{query}"))).finish();
    }
    match req.extract::<Layout>().await {
        Ok(layout) => login::sign_in_first(req.request(), layout, String::new()).await,
        Err(error) => HttpResponse::from_error(error),
    }
}
