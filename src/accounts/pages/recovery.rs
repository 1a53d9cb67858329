//! `/password/reset`: choosing a password with a one-time link, for an invitation or after a forgotten password.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::{ResetForm, TokenQuery, catch_weak_password, check_new_password},
    invalid_link::InvalidLink,
    signed_out::signed_out,
};
use crate::{
    accounts::service::Accounts,
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    users::{User, tokens::TokenPurpose},
    web::{FieldErrors, Form, Query, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/reset.html")]
struct ResetPage {
    layout: Layout,
    errors: FieldErrors,
    token: String,
    email: String,
    invited: bool,
    min_length: usize,
}

impl ResetPage {
    fn new(
        accounts: &Accounts,
        layout: Layout,
        token: String,
        owner: (User, TokenPurpose),
        errors: FieldErrors,
    ) -> Self {
        let (user, purpose) = owner;
        let min_length = accounts.rules().password_min_length;
        Self {
            layout,
            errors,
            token,
            email: user.email,
            invited: purpose == TokenPurpose::Invite,
            min_length,
        }
    }
}

/// `GET /password/reset?token=`: does not consume the token, since mail scanners open links.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    Ok(match accounts.link_owner(&token, &client).await? {
        Some(owner) => {
            html(StatusCode::OK, &ResetPage::new(&accounts, layout, token, owner, FieldErrors::default()))
        }
        None => InvalidLink::Password.page(layout),
    })
}

/// `POST /password/reset`: sets the password and ends all sessions; it starts none.
///
/// # Errors
/// As [`Accounts::choose_password`].
pub async fn submit(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<ResetForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let Some(owner) = accounts.link_owner(&values.token, &client).await? else {
        return Ok(InvalidLink::Password.form_page(layout));
    };
    check_new_password(&mut errors, &accounts, &values.password, &values.password_confirmation);
    let is_own = matches!(CurrentUser::find(&req).await, Ok(Some(user)) if user.id == owner.0.id);
    if errors.is_empty() {
        let chosen = accounts.choose_password(&req, values.token.clone(), values.password, client).await;
        match catch_weak_password(&mut errors, chosen)? {
            None => {}
            // The session of this browser has ended with the others.
            Some(Some(ended)) if is_own => {
                return Ok(signed_out(&req, "/login", Flash::PasswordSet(ended)));
            }
            Some(Some(ended)) => return Ok(see_other("/login", Flash::PasswordSet(ended))),
            Some(None) => return Ok(InvalidLink::Password.form_page(layout)),
        }
    }
    Ok(form_page(&ResetPage::new(&accounts, layout, values.token, owner, errors.clone()), &errors))
}
