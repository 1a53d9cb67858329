//! The fields of the account forms and their checks.

use serde::Deserialize;
use validator::Validate;

use crate::{
    accounts::service::Accounts,
    error::Error,
    text::opaque_string,
    users::fields,
    web::{FieldErrors, FormFields},
};

/// `POST /register`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct RegisterForm {
    /// The user's name.
    #[validate(custom(function = "fields::name"))]
    pub name: String,
    /// The address to sign in with.
    #[validate(custom(function = "fields::email"))]
    pub email: String,
    /// The new password.
    pub password: String,
    /// The new password once more.
    pub password_confirmation: String,
    /// A path of this site to go to afterwards; anything else is ignored.
    pub next: String,
}

impl FormFields for RegisterForm {
    const FIELDS: &'static [&'static str] = &["name", "email", "password", "password_confirmation", "next"];
}

/// `POST /setup`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct SetupForm {
    /// The token of the set-up link.
    pub token: String,
    /// The user's name.
    #[validate(custom(function = "fields::name"))]
    pub name: String,
    /// The address to sign in with.
    #[validate(custom(function = "fields::email"))]
    pub email: String,
    /// The new password.
    pub password: String,
    /// The new password once more.
    pub password_confirmation: String,
}

impl FormFields for SetupForm {
    const FIELDS: &'static [&'static str] = &["token", "name", "email", "password", "password_confirmation"];
}

/// `POST /login`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct LoginForm {
    /// The address to sign in with.
    #[validate(custom(function = "fields::known_email"))]
    pub email: String,
    /// The user's password.
    #[validate(length(min = 1, message = "Enter your password."))]
    pub password: String,
    /// Whether the session outlives the browser.
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub remember: bool,
    /// A path of this site to go to afterwards; anything else is ignored.
    pub next: String,
}

impl FormFields for LoginForm {
    const FIELDS: &'static [&'static str] = &["email", "password", "remember", "next"];
}

/// `POST /login/verify`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct SecondStepForm {
    /// A code of the authenticator app or a recovery code.
    #[validate(length(max = 100, message = "Enter the code."))]
    pub code: String,
    /// What a passkey says, in place of a code.
    pub passkey: String,
    /// Whether the browser is to be trusted.
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub trust: bool,
    /// A path of this site to go to afterwards; anything else is ignored.
    pub next: String,
}

impl FormFields for SecondStepForm {
    const FIELDS: &'static [&'static str] = &["code", "passkey", "trust", "next"];
}

/// `POST /security/totp`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct CodeForm {
    /// What the authenticator app shows.
    #[validate(length(min = 1, max = 100, message = "Enter the code that the app shows."))]
    pub code: String,
    /// Where to go on afterwards.
    pub next: String,
}

impl FormFields for CodeForm {
    const FIELDS: &'static [&'static str] = &["code", "next"];
}

/// `POST /security/passkeys`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct PasskeyForm {
    /// What the user calls it.
    #[validate(custom(function = "fields::name"))]
    pub name: String,
    /// What the authenticator says.
    pub passkey: String,
    /// Where to go on afterwards.
    pub next: String,
}

impl FormFields for PasskeyForm {
    const FIELDS: &'static [&'static str] = &["name", "passkey", "next"];
}

/// `POST /profile`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct NameForm {
    /// The user's name.
    #[validate(custom(function = "fields::name"))]
    pub name: String,
}

impl FormFields for NameForm {
    const FIELDS: &'static [&'static str] = &["name"];
}

/// `POST /profile/password`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct PasswordForm {
    /// The user's current password.
    #[validate(length(min = 1, message = "Enter your current password."))]
    pub current_password: String,
    /// The new password.
    pub password: String,
    /// The new password once more.
    pub password_confirmation: String,
}

impl FormFields for PasswordForm {
    const FIELDS: &'static [&'static str] = &["current_password", "password", "password_confirmation"];
}

/// `POST /profile/delete`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct DeleteForm {
    /// The user's current password.
    #[validate(length(min = 1, message = "Enter your current password."))]
    pub current_password: String,
}

impl FormFields for DeleteForm {
    const FIELDS: &'static [&'static str] = &["current_password"];
}

/// `POST /password/forgot`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct ForgotForm {
    /// The address to sign in with.
    #[validate(custom(function = "fields::known_email"))]
    pub email: String,
}

impl FormFields for ForgotForm {
    const FIELDS: &'static [&'static str] = &["email"];
}

/// `POST /password/reset`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct ResetForm {
    /// The token of the one-time link.
    pub token: String,
    /// The new password.
    pub password: String,
    /// The new password once more.
    pub password_confirmation: String,
}

impl FormFields for ResetForm {
    const FIELDS: &'static [&'static str] = &["token", "password", "password_confirmation"];
}

/// `POST /sign-in/check`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct CheckForm {
    /// The token of the link in the notice.
    pub token: String,
}

impl FormFields for CheckForm {
    const FIELDS: &'static [&'static str] = &["token"];
}

/// `POST /confirm-password`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct ConfirmForm {
    /// The user's password.
    pub password: String,
    /// A path of this site to go to afterwards; anything else is ignored.
    pub next: String,
}

impl FormFields for ConfirmForm {
    const FIELDS: &'static [&'static str] = &["password", "next"];
}

/// `POST /profile/email`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EmailForm {
    /// The new address.
    #[validate(custom(function = "fields::email"))]
    pub email: String,
    /// The user's current password.
    #[validate(length(min = 1, message = "Enter your current password."))]
    pub current_password: String,
}

impl FormFields for EmailForm {
    const FIELDS: &'static [&'static str] = &["email", "current_password"];
}

/// `POST /email/confirm` and `POST /email/undo`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct TokenForm {
    /// The token of the one-time link.
    pub token: String,
}

impl FormFields for TokenForm {
    const FIELDS: &'static [&'static str] = &["token"];
}

/// `?token=` of a one-time link.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TokenQuery {
    /// The token.
    pub token: String,
}

/// Adds to `errors` what is seen of a new password and its confirmation at once. Whether it is easy to guess is found out by the
/// operation that sets it, which costs more and so comes last: [`catch_weak_password`].
pub(super) fn check_new_password(
    errors: &mut FieldErrors,
    accounts: &Accounts,
    password: &str,
    confirmation: &str,
) {
    if errors.has("password") {
        return;
    }
    if let Some(flaw) = accounts.password_policy().length_flaw(password) {
        errors.add("password", flaw);
    } else if opaque_string(password) != opaque_string(confirmation) && !errors.has("password_confirmation") {
        errors.add("password_confirmation", "This is not the same as the password above.");
    }
}

/// What an operation with a new password returned; `None`: it refused the password, which is now a mistake of its field.
pub(super) fn catch_weak_password<T>(
    errors: &mut FieldErrors,
    result: Result<T, Error>,
) -> Result<Option<T>, Error> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(Error::WeakPassword(reason)) => {
            errors.add("password", reason);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
