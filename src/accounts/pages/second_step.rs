//! `/login/verify`: the second step of a sign-in.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, time::Duration},
    http::StatusCode,
    web,
};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    forms::SecondStepForm,
    onwards::{NextQuery, onwards, signed_in},
};
use crate::{
    accounts::{
        second_step::{SecondStep, Shown},
        service::Accounts,
    },
    config::{Config, Server},
    crypto::random_url_safe,
    error::{Error, WRONG_CODE},
    layout::{Flash, Layout, SecondFactorFlash, see_other},
    security::Client,
    sessions::EndOutcome,
    users::{ceremonies::Answer, factors::Factors},
    web::{
        FieldErrors, Form, Query, SiteCookie, accept::wants_json, cookies, form_page, form_page_later, html,
        sealed,
    },
};

/// How long browsers keep the state: as long as it is good.
const STATE_MAX_AGE: Duration = Duration::minutes(10);

/// How long browsers keep the token by which they are trusted. Each trust is over after 30 days.
const TRUST_MAX_AGE: Duration = Duration::days(400);

/// Random bytes of a browser's token.
const TOKEN_BYTES: usize = 32;

#[derive(Template)]
#[template(path = "accounts/second_step.html")]
struct SecondStepPage {
    layout: Layout,
    errors: FieldErrors,
    trust: bool,
    next: String,
    factors: Factors,
}

/// The redirect of a sign-in to its second step, with its state.
pub(super) fn begin(server: &Server, next: &str, state: String) -> HttpResponse {
    let mut response = see_other(&path(next), None);
    let mut cookie = cookies::for_this_host(server, SiteCookie::SecondStep.name(server), state);
    cookie.set_max_age(STATE_MAX_AGE);
    cookies::append(response.headers_mut(), &cookie);
    response
}

fn path(next: &str) -> String {
    match next {
        "" => "/login/verify".to_owned(),
        next => format!("/login/verify?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC)),
    }
}

/// The token of the browser of a request, if it is trusted by anybody.
pub(super) fn trusted_browser(req: &HttpRequest, config: &Config) -> Option<String> {
    let name = SiteCookie::TrustedBrowser.name(&config.server);
    let key = config.session.secret.cookie_key();
    cookies::values(req.headers(), name).find_map(|value| sealed::open(&key, name, value))
}

fn trust_cookie(config: &Config, token: &str) -> Option<Cookie<'static>> {
    let name = SiteCookie::TrustedBrowser.name(&config.server);
    let sealed = sealed::seal(&config.session.secret.cookie_key(), name, token)?;
    let mut cookie = cookies::for_this_host(&config.server, name, sealed);
    cookie.set_max_age(TRUST_MAX_AGE);
    Some(cookie)
}

/// The state that the browser of a request has.
pub fn state(req: &HttpRequest, server: &Server) -> Option<String> {
    cookies::values(req.headers(), SiteCookie::SecondStep.name(server)).next().map(str::to_owned)
}

/// The redirect to the first step, when the second one is not open any more. A state is removed.
fn first_step(req: &HttpRequest, server: &Server, next: &str, flash: Option<Flash>) -> HttpResponse {
    let query = if next.is_empty() {
        String::new()
    } else {
        format!("?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
    };
    let mut response = see_other(&format!("/login{query}"), flash);
    if state(req, server).is_some() {
        forget_state(&mut response, server);
    }
    response
}

fn forget_state(response: &mut HttpResponse, server: &Server) {
    let mut cookie = cookies::for_this_host(server, SiteCookie::SecondStep.name(server), String::new());
    cookie.set_max_age(Duration::ZERO);
    cookies::append(response.headers_mut(), &cookie);
}

/// `GET /login/verify`
///
/// # Errors
/// As [`Accounts::factors_of_step`].
pub async fn show(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Error> {
    let next = query.into_inner().next;
    let Some(state) = state(&req, &config.server) else {
        let onwards = onwards(&layout, &next, &config.server);
        return Ok(onwards.unwrap_or_else(|| first_step(&req, &config.server, &next, None)));
    };
    let Some(factors) = accounts.factors_of_step(&state).await? else {
        return Ok(first_step(
            &req,
            &config.server,
            &next,
            Some(Flash::SecondFactor(SecondFactorFlash::StepOver)),
        ));
    };
    let page = SecondStepPage { layout, errors: FieldErrors::default(), trust: false, next, factors };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /login/verify`
///
/// # Errors
/// As [`Accounts::complete_sign_in`].
pub async fn submit(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<SecondStepForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let server = &config.server;
    let over = || {
        let flash = Some(Flash::SecondFactor(SecondFactorFlash::StepOver));
        first_step(&req, server, &values.next, flash)
    };
    let Some(state) = state(&req, server) else { return Ok(over()) };
    let Some(factors) = accounts.factors_of_step(&state).await? else { return Ok(over()) };
    let (trust, next) = (values.trust, values.next.clone());
    let page = |errors| SecondStepPage { layout, errors, trust, next, factors };
    if values.code.is_empty() && values.passkey.is_empty() && !errors.has("code") {
        errors.add("code", "Enter the code.");
    }
    if !errors.is_empty() {
        return Ok(form_page(&page(errors.clone()), &errors));
    }
    let trust = match values.trust {
        true => Some(trusted_browser(&req, &config).map_or_else(random_url_safe::<TOKEN_BYTES>, Ok)?),
        false => None,
    };
    let answer = Answer::read(&values.passkey);
    let shown = match values.passkey.as_str() {
        "" => Shown::Code(&values.code),
        _ => Shown::Passkey(answer.as_ref()),
    };
    match accounts.complete_sign_in(&req, &state, shown, trust.clone(), client).await {
        Ok(SecondStep::Done(ended)) => Ok(completed(&config, &values.next, ended, trust)),
        Ok(SecondStep::Wrong) => {
            errors.add("code", WRONG_CODE);
            Ok(html(StatusCode::UNAUTHORIZED, &page(errors)))
        }
        Ok(SecondStep::PasskeyRefused(refusal)) => {
            errors.add_form(refusal.text());
            Ok(html(StatusCode::UNAUTHORIZED, &page(errors)))
        }
        Ok(SecondStep::Over) | Err(Error::Forbidden(_)) => Ok(over()),
        Err(Error::Throttled { wait, text }) if !wants_json(&req) => {
            errors.add_form(text);
            Ok(form_page_later(&page(errors), wait))
        }
        Err(error) => Err(error),
    }
}

/// The redirect of somebody who has just signed in with two steps.
fn completed(config: &Config, next: &str, ended: EndOutcome, trust: Option<String>) -> HttpResponse {
    let mut response = signed_in(next, &config.server, ended);
    forget_state(&mut response, &config.server);
    if let Some(cookie) = trust.and_then(|token| trust_cookie(config, &token)) {
        cookies::append(response.headers_mut(), &cookie);
    }
    response
}
