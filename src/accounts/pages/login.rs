//! `/login` and `/logout`.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use super::{
    ended_notice::with_end_notice,
    forms::LoginForm,
    lost_cookie,
    onwards::{NextQuery, onwards, signed_in},
    second_step,
    signed_out::signed_out,
};
use crate::{
    accounts::{
        service::Accounts,
        sign_in::{Credentials, SignIn},
    },
    config::{Config, Server},
    error::{Error, WRONG_CREDENTIALS},
    layout::{EmailFlash, Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    state::shared,
    web::{FieldErrors, Form, Query, accept::wants_json, form_page, form_page_later, html},
};

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct LoginPage {
    layout: Layout,
    errors: FieldErrors,
    email: String,
    remember: bool,
    next: String,
    /// Whether passkeys are offered.
    passkeys: bool,
}

impl LoginPage {
    fn new(server: &Server, layout: Layout, values: LoginForm, errors: FieldErrors) -> Self {
        let LoginForm { email, remember, next, .. } = values;
        Self { layout, errors, email, remember, next, passkeys: server.passkey_host().is_some() }
    }
}

/// `?cookie=`: whether the browser has lost the session's cookie.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CookieQuery {
    cookie: String,
}

/// `GET /login`
pub async fn show(
    req: HttpRequest,
    config: web::Data<Config>,
    mut layout: Layout,
    query: Query<NextQuery>,
    cookie: Query<CookieQuery>,
) -> HttpResponse {
    if layout.user.is_none() {
        layout.notices.extend(lost_cookie::notice(&req, &cookie.cookie));
    }
    let values = LoginForm { next: query.into_inner().next, ..LoginForm::default() };
    if let Some(response) = onwards(&layout, &values.next, &config.server) {
        return response;
    }
    with_end_notice(&req, layout, |layout| {
        html(StatusCode::OK, &LoginPage::new(&config.server, layout, values, FieldErrors::default()))
    })
    .await
}

/// The sign-in page as the response to a form of a client that is not signed in: 401.
pub async fn sign_in_first(req: &HttpRequest, layout: Layout, next: String) -> HttpResponse {
    let mut errors = FieldErrors::default();
    errors.add_form("Sign in first; then send the form again. Nothing was changed.");
    let values = LoginForm { next, ..LoginForm::default() };
    let config = match shared::<Config>(req) {
        Ok(config) => config,
        Err(error) => return HttpResponse::from_error(error),
    };
    with_end_notice(req, layout, |layout| {
        html(StatusCode::UNAUTHORIZED, &LoginPage::new(&config.server, layout, values, errors))
    })
    .await
}

/// `POST /login`
///
/// # Errors
/// As [`Accounts::sign_in`].
pub async fn submit(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<LoginForm>,
) -> Result<HttpResponse, Error> {
    let Form { mut values, mut errors } = form;
    if !errors.is_empty() {
        return Ok(form_page(&LoginPage::new(&config.server, layout, values, errors.clone()), &errors));
    }
    let password = std::mem::take(&mut values.password);
    let trusted = second_step::trusted_browser(&req, &config);
    let given = Credentials { email: &values.email, password, remember: values.remember, trusted };
    match accounts.sign_in(&req, given, client).await {
        Ok(SignIn::SecondStep(state)) => Ok(second_step::begin(&config.server, &values.next, state)),
        Ok(SignIn::Started(ended)) => Ok(signed_in(&values.next, &config.server, ended)),
        Ok(SignIn::Unconfirmed) => Ok(see_other("/email/sent", Flash::Email(EmailFlash::ConfirmFirst))),
        Err(Error::Throttled { wait, text }) if !wants_json(&req) => {
            errors.add_form(text);
            Ok(form_page_later(&LoginPage::new(&config.server, layout, values, errors), wait))
        }
        Err(error) => Err(error),
        Ok(SignIn::Refused) => {
            errors.add_form(WRONG_CREDENTIALS);
            Ok(html(StatusCode::UNAUTHORIZED, &LoginPage::new(&config.server, layout, values, errors)))
        }
    }
}

/// `POST /logout`: whoever is signed out already gets the same answer.
///
/// # Errors
/// As [`CurrentUser::find`] and [`Accounts::sign_out`].
pub async fn logout(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    client: Client,
) -> Result<HttpResponse, Error> {
    if let Some(user) = CurrentUser::find_to_end(&req).await? {
        accounts.sign_out(&req, &user, client).await?;
    }
    Ok(signed_out(&req, "/", Flash::SignedOut))
}
