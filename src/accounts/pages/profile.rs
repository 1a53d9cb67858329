//! `/profile`: shows and changes the signed-in user's account.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    confirm::{sent_code, wrong_proof},
    forms::{NameForm, PasswordForm, catch_weak_password, check_new_password},
};
use crate::{
    accounts::{password_again::Proof, service::Accounts},
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    web::{FieldErrors, Form, Moment, form_page_later, html},
};

#[derive(Template)]
#[template(path = "accounts/profile.html")]
pub(super) struct ProfilePage {
    layout: Layout,
    email: String,
    email_confirmed: bool,
    pending_email: Option<String>,
    role: String,
    member_since: Moment,
    last_sign_in: Option<Moment>,
    name: String,
    /// Whether forms with the password ask for a code too.
    needs_code: bool,
    /// Whether there may be passkeys, with which no code is needed.
    passkeys: bool,
    name_errors: FieldErrors,
    password_errors: FieldErrors,
    delete_errors: FieldErrors,
    /// The new address as it was typed.
    new_email: String,
    email_errors: FieldErrors,
    min_length: usize,
}

impl ProfilePage {
    pub(super) fn new(accounts: &Accounts, layout: Layout, user: &CurrentUser) -> Self {
        Self {
            layout,
            email: user.email.clone(),
            email_confirmed: user.email_confirmed,
            pending_email: user.pending_email.clone(),
            role: user.role.name().to_owned(),
            member_since: Moment::new(user.created_at),
            last_sign_in: user.last_login_at.map(Moment::new),
            name: user.name.clone(),
            needs_code: accounts.needs_code(user),
            passkeys: accounts.passkey_host().is_some(),
            name_errors: FieldErrors::default(),
            password_errors: FieldErrors::default(),
            delete_errors: FieldErrors::default(),
            new_email: String::new(),
            email_errors: FieldErrors::default(),
            min_length: accounts.rules().password_min_length,
        }
    }

    /// The page after a deletion that was refused.
    pub(super) fn deletion_refused(self, delete_errors: FieldErrors) -> HttpResponse {
        Self { delete_errors, ..self }.refused()
    }

    /// The page after a change of the address that was refused.
    pub(super) fn email_refused(self, new_email: String, email_errors: FieldErrors) -> HttpResponse {
        Self { new_email, email_errors, ..self }.refused()
    }

    /// The page after a mail about an address that has to wait.
    pub(super) fn email_later(
        self,
        new_email: String,
        email_errors: FieldErrors,
        wait: Duration,
    ) -> HttpResponse {
        form_page_later(&Self { new_email, email_errors, ..self }, wait)
    }

    /// The page as a response to a form with mistakes: 422.
    fn refused(self) -> HttpResponse {
        html(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }
}

/// `GET /profile`
pub async fn show(accounts: web::Data<Accounts>, layout: Layout, user: CurrentUser) -> HttpResponse {
    html(StatusCode::OK, &ProfilePage::new(&accounts, layout, &user))
}

/// `POST /profile`
///
/// # Errors
/// As [`Accounts::change_name`].
pub async fn change_name(
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<NameForm>,
) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        let page = ProfilePage::new(&accounts, layout, &user);
        return Ok(ProfilePage { name: form.values.name, name_errors: form.errors, ..page }.refused());
    }
    accounts.change_name(&user, &form.values.name, client).await?;
    Ok(see_other("/profile", Flash::NameChanged))
}

/// `POST /profile/password`: changes the password, ends all other sessions and rotates the key of this one.
///
/// # Errors
/// As [`Accounts::password_again`] and [`Accounts::change_password`].
pub async fn change_password(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<PasswordForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let verified_hash =
        check_current_password(&req, &accounts, &user, values.current_password, &client, &mut errors).await?;
    let was_right = verified_hash.is_some();
    check_new_password(&mut errors, &accounts, &values.password, &values.password_confirmation);
    if let Some(verified_hash) = verified_hash.filter(|_| errors.is_empty()) {
        let changed =
            accounts.change_password(&req, &user, verified_hash, values.password, client.clone()).await;
        if let Some(ended) = catch_weak_password(&mut errors, changed)? {
            return Ok(see_other("/profile", Flash::PasswordChanged(ended)));
        }
    }
    if was_right {
        accounts.record_password_given(&user, &client).await?;
    }
    let page = ProfilePage::new(&accounts, layout, &user);
    Ok(ProfilePage { password_errors: errors, ..page }.refused())
}

/// Checks the field `current_password`, and `confirm_code` where it is needed; what is wrong is added to `errors`. Returns the hash
/// that a correct password matches.
pub(super) async fn check_current_password(
    req: &HttpRequest,
    accounts: &Accounts,
    user: &CurrentUser,
    password: String,
    client: &Client,
    errors: &mut FieldErrors,
) -> Result<Option<String>, Error> {
    if errors.has("current_password") {
        return Ok(None);
    }
    let proof = Proof { password, code: sent_code(req) };
    let verified_hash = accounts.password_again(user, proof, client).await?;
    if verified_hash.is_none() {
        errors.add("current_password", wrong_proof(accounts, user, "That is not your current password."));
    }
    Ok(verified_hash)
}
