//! `/register`: makes an account and signs its user in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::{RegisterForm, catch_weak_password, check_new_password},
    onwards::{NextQuery, next_or_home, onwards},
};
use crate::{
    accounts::{
        service::Accounts,
        sign_up::{NewAccount, SignUp},
    },
    config::Config,
    error::{ADDRESS_TAKEN, Error},
    layout::{Flash, Layout, see_other},
    security::Client,
    web::{FieldErrors, Form, Query, accept::wants_json, form_page, form_page_later, html},
};

#[derive(Template)]
#[template(path = "accounts/register.html")]
struct RegisterPage {
    layout: Layout,
    errors: FieldErrors,
    name: String,
    email: String,
    next: String,
    min_length: usize,
}

impl RegisterPage {
    fn new(accounts: &Accounts, layout: Layout, values: RegisterForm, errors: FieldErrors) -> Self {
        Self {
            layout,
            errors,
            name: values.name,
            email: values.email,
            next: values.next,
            min_length: accounts.rules().password_min_length,
        }
    }
}

/// `GET /register`
pub async fn show(
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    query: Query<NextQuery>,
) -> HttpResponse {
    let values = RegisterForm { next: query.into_inner().next, ..RegisterForm::default() };
    if let Some(response) = onwards(&layout, &values.next, &config.server) {
        return response;
    }
    html(StatusCode::OK, &RegisterPage::new(&accounts, layout, values, FieldErrors::default()))
}

/// `POST /register`
///
/// # Errors
/// As [`Accounts::sign_up`].
pub async fn submit(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<RegisterForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    if !layout.registration_open {
        return Ok(closed(&accounts, layout));
    }
    check_new_password(&mut errors, &accounts, &values.password, &values.password_confirmation);
    if errors.is_empty() {
        let new = NewAccount {
            name: values.name.clone(),
            email: values.email.clone(),
            password: values.password.clone(),
        };
        let signed_up = match accounts.sign_up(&req, new, client).await {
            Err(Error::Throttled { wait, text }) if !wants_json(&req) => {
                errors.add_form(text);
                return Ok(form_page_later(&RegisterPage::new(&accounts, layout, values, errors), wait));
            }
            result => catch_weak_password(&mut errors, result)?,
        };
        match signed_up {
            None => {}
            Some(SignUp::Done) => {
                return Ok(see_other(&next_or_home(&values.next, &config.server), Flash::Welcome));
            }
            Some(SignUp::CheckMail) => return Ok(see_other("/email/sent", None)),
            Some(SignUp::Closed) => return Ok(closed(&accounts, layout)),
            Some(SignUp::AddressTaken) => errors.add("email", ADDRESS_TAKEN),
        }
    }
    Ok(form_page(&RegisterPage::new(&accounts, layout, values, errors.clone()), &errors))
}

/// The page that says that registration is closed: 403.
fn closed(accounts: &Accounts, layout: Layout) -> HttpResponse {
    let page = RegisterPage::new(accounts, layout, RegisterForm::default(), FieldErrors::default());
    html(StatusCode::FORBIDDEN, &page)
}
