//! `/password/forgot`: asking for a link in place of a forgotten password.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::forms::ForgotForm;
use crate::{
    accounts::service::Accounts,
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    web::{FieldErrors, Form, accept::wants_json, form_page, form_page_later, html},
};

#[derive(Template)]
#[template(path = "accounts/forgot.html")]
struct ForgotPage {
    layout: Layout,
    errors: FieldErrors,
    email: String,
}

/// `GET /password/forgot`
pub async fn show(layout: Layout) -> HttpResponse {
    let page = ForgotPage { layout, errors: FieldErrors::default(), email: String::new() };
    html(StatusCode::OK, &page)
}

/// `POST /password/forgot`: the answer is the same whether or not there is such an account.
///
/// # Errors
/// As [`Accounts::forgot_password`].
pub async fn submit(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<ForgotForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, errors } = form;
    if !errors.is_empty() {
        let page = ForgotPage { layout, errors: errors.clone(), email: values.email };
        return Ok(form_page(&page, &errors));
    }
    match accounts.forgot_password(values.email.clone(), client).await {
        Err(Error::Throttled { wait, text }) if !wants_json(&req) => {
            let mut errors = FieldErrors::default();
            errors.add_form(text);
            Ok(form_page_later(&ForgotPage { layout, errors, email: values.email }, wait))
        }
        result => result.map(|()| see_other("/login", Flash::LinkRequested)),
    }
}
