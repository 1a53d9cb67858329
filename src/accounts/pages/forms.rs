//! The fields of the account forms and what they may hold.

use serde::Deserialize;
use validator::{Validate, ValidationError};

use crate::{
    users::password,
    web::{FieldErrors, FormFields},
};

const NAME: &str = "Enter a name of 1 to 100 characters.";
const EMAIL: &str = "Enter an email address, such as name@example.org.";

/// `POST /register`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct RegisterForm {
    #[validate(custom(function = "name"))]
    pub name: String,
    #[validate(custom(function = "email"))]
    pub email: String,
    pub password: String,
    pub password_confirmation: String,
    pub next: String,
}

impl FormFields for RegisterForm {
    const FIELDS: &'static [&'static str] = &["name", "email", "password", "password_confirmation", "next"];
}

/// `POST /setup`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct SetupForm {
    pub token: String,
    #[validate(custom(function = "name"))]
    pub name: String,
    #[validate(custom(function = "email"))]
    pub email: String,
    pub password: String,
    pub password_confirmation: String,
}

impl FormFields for SetupForm {
    const FIELDS: &'static [&'static str] = &["token", "name", "email", "password", "password_confirmation"];
}

/// `POST /login`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct LoginForm {
    #[validate(custom(function = "email"))]
    pub email: String,
    #[validate(length(min = 1, message = "Enter your password."))]
    pub password: String,
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub remember: bool,
    pub next: String,
}

impl FormFields for LoginForm {
    const FIELDS: &'static [&'static str] = &["email", "password", "remember", "next"];
}

/// `POST /profile`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct NameForm {
    #[validate(custom(function = "name"))]
    pub name: String,
}

impl FormFields for NameForm {
    const FIELDS: &'static [&'static str] = &["name"];
}

/// `POST /profile/password`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct PasswordForm {
    #[validate(length(min = 1, message = "Enter your current password."))]
    pub current_password: String,
    pub password: String,
    pub password_confirmation: String,
}

impl FormFields for PasswordForm {
    const FIELDS: &'static [&'static str] = &["current_password", "password", "password_confirmation"];
}

/// `POST /profile/delete`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct DeleteForm {
    #[validate(length(min = 1, message = "Enter your current password."))]
    pub current_password: String,
}

impl FormFields for DeleteForm {
    const FIELDS: &'static [&'static str] = &["current_password"];
}

/// `POST /password/reset`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct ResetForm {
    pub token: String,
    pub password: String,
    pub password_confirmation: String,
}

impl FormFields for ResetForm {
    const FIELDS: &'static [&'static str] = &["token", "password", "password_confirmation"];
}

/// `POST /confirm-password`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct ConfirmForm {
    #[validate(length(min = 1, message = "Enter your password."))]
    pub password: String,
    pub next: String,
}

impl FormFields for ConfirmForm {
    const FIELDS: &'static [&'static str] = &["password", "next"];
}

/// Says in `errors` what is wrong with a new password and its confirmation.
pub fn check_new_password(
    errors: &mut FieldErrors,
    password: &str,
    confirmation: &str,
    min_length: usize,
    about: &[&str],
) {
    if errors.has("password") {
        return;
    }
    if let Some(weakness) = password::weakness(password, min_length, about) {
        errors.add("password", weakness);
    } else if password != confirmation && !errors.has("password_confirmation") {
        errors.add("password_confirmation", "This is not the same as the password above.");
    }
}

/// A name: 1 to 100 characters, none of them a control character.
pub fn name(name: &str) -> Result<(), ValidationError> {
    let length = name.trim().chars().count();
    if (1..=100).contains(&length) && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(ValidationError::new("name").with_message(NAME.into()))
    }
}

/// An address as HTML's `type=email` takes it, at most 254 characters (RFC 5321).
pub fn email(email: &str) -> Result<(), ValidationError> {
    use validator::ValidateEmail as _;
    let email = email.trim();
    if email.len() <= 254 && email.validate_email() {
        Ok(())
    } else {
        Err(ValidationError::new("email").with_message(EMAIL.into()))
    }
}
