//! `/login` and `/logout`.

use actix_session::SessionExt as _;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use actix_web_lab::header::{ClearSiteData, ClearSiteDataDirective};
use askama::Template;
use serde::Deserialize;

use super::{ended_notice, forms::LoginForm};
use crate::{
    app::Site,
    error::Error,
    events::{Event, Kind},
    layout::Layout,
    security::{Client, local_path},
    sessions::{CurrentUser, EndReason, Ending, Which},
    users::authenticate,
    web::{FieldErrors, Flash, Form, form_page, html, see_other},
};

const WRONG: &str = "Email or password is incorrect.";

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct LoginPage {
    layout: Layout,
    errors: FieldErrors,
    email: String,
    remember: bool,
    next: String,
}

impl LoginPage {
    fn new(layout: Layout, values: LoginForm, errors: FieldErrors) -> Self {
        Self { layout, errors, email: values.email, remember: values.remember, next: values.next }
    }
}

/// `?next=`: where to go after signing in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NextQuery {
    /// A path of this site; anything else is ignored.
    pub next: String,
}

/// The path to go to after signing in.
pub fn next_or_profile(next: &str) -> String {
    local_path(next).unwrap_or_else(|| "/profile".to_owned())
}

/// `GET /login`
pub async fn show(req: HttpRequest, layout: Layout, query: web::Query<NextQuery>) -> HttpResponse {
    let values = LoginForm { next: query.into_inner().next, ..LoginForm::default() };
    ended_notice::said(&req, layout, |layout| {
        html(StatusCode::OK, &LoginPage::new(layout, values, FieldErrors::default()))
    })
    .await
}

/// The sign-in page as the answer to someone who has to sign in first: 401.
pub async fn sign_in_first(req: &HttpRequest, layout: Layout, next: String) -> HttpResponse {
    let mut errors = FieldErrors::default();
    errors.add_form("Sign in first; then send the form again. Nothing was changed.");
    let values = LoginForm { next, ..LoginForm::default() };
    ended_notice::said(req, layout, |layout| {
        html(StatusCode::UNAUTHORIZED, &LoginPage::new(layout, values, errors))
    })
    .await
}

/// `POST /login`
pub async fn submit(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    client: Client,
    form: Form<LoginForm>,
) -> Result<HttpResponse, Error> {
    let Form { mut values, mut errors } = form;
    if !errors.is_empty() {
        return Ok(form_page(&LoginPage::new(layout, values, errors.clone()), &errors));
    }
    let password = std::mem::take(&mut values.password);
    let Some(user) = authenticate(&site.db, &site.passwords, &values.email, password).await? else {
        let email = values.email.clone();
        site.db.run(move |conn| record_failure(conn, &email, &client)).await?;
        errors.add_form(WRONG);
        return Ok(html(StatusCode::UNAUTHORIZED, &LoginPage::new(layout, values, errors)));
    };
    let beyond = site.sessions.start(&req, &user, values.remember, client).await?;
    let flash = (beyond.count > 0).then_some(Flash::LimitReached(beyond));
    Ok(see_other(&site.config, &next_or_profile(&values.next), flash))
}

/// The log gets the account when there is one, and never the address: people type passwords there.
fn record_failure(conn: &mut crate::db::DbConnection, email: &str, client: &Client) -> Result<(), Error> {
    let user = crate::users::User::by_email(conn, email)?.map(|user| user.id);
    Event::new(Kind::SignInFailed, user).by(None).from(Some(client)).write(conn)
}

/// `POST /logout`
pub async fn logout(
    req: HttpRequest,
    site: web::Data<Site>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let which = Which::OneOf { user: user.id, id: user.session.id.clone() };
    let ending = Ending { reason: EndReason::Logout, by: Some(user.id), note: None, client: Some(client) };
    site.sessions.end(which, ending).await?;
    req.get_session().purge();
    let mut response = see_other(&site.config, "/", Some(Flash::SignedOut));
    clear_site_data(&mut response);
    Ok(response)
}

/// Takes what the browser cached of signed-in pages. Not the cookies: that would reach sister sites too.
pub fn clear_site_data(response: &mut HttpResponse) {
    use actix_web::http::header::{Header as _, TryIntoHeaderValue as _};
    let directives = ClearSiteData(vec![ClearSiteDataDirective::Cache, ClearSiteDataDirective::Storage]);
    if let Ok(value) = directives.try_into_value() {
        response.headers_mut().insert(ClearSiteData::name(), value);
    }
}
