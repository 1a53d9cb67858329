//! `/setup`: the form for the first administrator, behind a one-time link.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::forms::{SetupForm, TokenQuery, catch_weak_password, check_new_password};
use crate::{
    accounts::{
        service::Accounts,
        setup::{SetupLink, SetupOutcome},
        sign_up::NewAccount,
    },
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
    client: Client,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    match accounts.check_setup_link(&token, &client).await? {
        SetupLink::Valid => {
            let values = SetupForm { token, ..SetupForm::default() };
            Ok(html(StatusCode::OK, &SetupPage::new(&accounts, layout, values, FieldErrors::default())))
        }
        other => refused(other),
    }
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
    match accounts.check_setup_link(&values.token, &client).await? {
        SetupLink::Valid => {}
        other => return refused(other),
    }
    check_new_password(&mut errors, &accounts, &values.password, &values.password_confirmation);
    if errors.is_empty() {
        let new = NewAccount {
            name: values.name.clone(),
            email: values.email.clone(),
            password: values.password.clone(),
        };
        let done = accounts.set_up(&req, values.token.clone(), new, client).await;
        match catch_weak_password(&mut errors, done)? {
            None => {}
            Some(SetupOutcome::Done) => return Ok(see_other("/admin/sessions", Flash::SetUp)),
            Some(SetupOutcome::Refused(link)) => return refused(link),
            Some(SetupOutcome::AddressTaken) => errors.add(
                "email",
                "An account with this address exists already, and is no administrator's. Use another address.",
            ),
        }
    }
    Ok(form_page(&SetupPage::new(&accounts, layout, values, errors.clone()), &errors))
}

/// Leads on from a link that was used; any other that is not valid is not there.
fn refused(link: SetupLink) -> Result<HttpResponse, Error> {
    match link {
        SetupLink::Used => Ok(see_other("/login", Flash::SetupLinkUsed)),
        SetupLink::Valid | SetupLink::Unknown => Err(Error::NotFound),
    }
}
