//! `/setup`: the form for the first administrator, behind a one-time link.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::forms::{SetupForm, TokenQuery, check_new_password};
use crate::{
    accounts::{service::Accounts, sign_up::NewAccount},
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    web::{FieldErrors, Form, Query, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/setup.html")]
struct SetupPage {
    layout: Layout,
    errors: FieldErrors,
    token: String,
    name: String,
    email: String,
    min_length: usize,
}

impl SetupPage {
    fn new(accounts: &Accounts, layout: Layout, values: SetupForm, errors: FieldErrors) -> Self {
        let min_length = accounts.rules().password_min_length;
        Self { layout, errors, token: values.token, name: values.name, email: values.email, min_length }
    }
}

/// `GET /setup?token=`
///
/// # Errors
/// [`Error::NotFound`] when the link is not valid; [`Error::Unavailable`] when the database can't be read.
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    if !accounts.setup_is_open(&token).await? {
        return Err(Error::NotFound);
    }
    let values = SetupForm { token, ..SetupForm::default() };
    Ok(html(StatusCode::OK, &SetupPage::new(&accounts, layout, values, FieldErrors::default())))
}

/// `POST /setup`
///
/// # Errors
/// [`Error::NotFound`] when the link is not valid; also as [`Accounts::set_up`].
pub async fn submit(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<SetupForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    if !accounts.setup_is_open(&values.token).await? {
        return Err(Error::NotFound);
    }
    check_new_password(
        &mut errors,
        &accounts,
        &values.password,
        &values.password_confirmation,
        &[&values.name, &values.email],
    );
    if !errors.is_empty() {
        return Ok(form_page(&SetupPage::new(&accounts, layout, values, errors.clone()), &errors));
    }
    let new = NewAccount { name: values.name, email: values.email, password: values.password };
    accounts.set_up(&req, values.token, new, client).await?;
    Ok(see_other("/admin/sessions", Flash::SetUp))
}
