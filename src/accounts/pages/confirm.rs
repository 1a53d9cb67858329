//! `/confirm-password`: asks for the password again before a sensitive action, so that an unattended or stolen session does not
//! suffice for it (ASVS 7.5.3).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::ConfirmForm,
    login::{NextQuery, next_or_profile},
};
use crate::{
    accounts::service::Accounts,
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    web::{FieldErrors, Form, Query, accept::wants_json, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    errors: FieldErrors,
    email: String,
    next: String,
}

/// The redirect to this page for a user who has not confirmed the password recently (`CONFIRM_PASSWORD_TTL`), or 403 for a client
/// that wants JSON; `None`: the password is confirmed. `back` is the page from which the action can be repeated.
pub fn required(
    req: &HttpRequest,
    accounts: &Accounts,
    user: &CurrentUser,
    back: &str,
) -> Option<HttpResponse> {
    if user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return None;
    }
    if wants_json(req) {
        return Some(HttpResponse::from_error(Error::Forbidden(
            "Give the password again first, at /confirm-password.",
        )));
    }
    Some(see_other(&href(back), Flash::ConfirmFirst))
}

/// The address of this page, which leads to `back` afterwards.
pub fn href(back: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", back).finish();
    format!("/confirm-password?{query}")
}

/// `GET /confirm-password`
pub async fn show(layout: Layout, user: CurrentUser, query: Query<NextQuery>) -> HttpResponse {
    let next = next_or_profile(&query.into_inner().next);
    let email = user.email.clone();
    html(StatusCode::OK, &ConfirmPage { layout, errors: FieldErrors::default(), email, next })
}

/// `POST /confirm-password`: confirms the password and rotates the session's key, as a sign-in does.
///
/// # Errors
/// As [`Accounts::confirm_password`].
pub async fn submit(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let next = next_or_profile(&values.next);
    if errors.is_empty() && !accounts.confirm_password(&req, &user, values.password, client).await? {
        errors.add("password", "That is not your password.");
    }
    if !errors.is_empty() {
        let page = ConfirmPage { layout, errors: errors.clone(), email: user.email, next };
        return Ok(form_page(&page, &errors));
    }
    Ok(see_other(&next, Flash::Confirmed))
}
