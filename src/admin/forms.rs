//! The fields of the forms that change accounts.

use serde::Deserialize;
use validator::{Validate, ValidationError};

use crate::{
    accounts::{Role, forms},
    web::FormFields,
};

/// `POST /admin/users`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct InviteForm {
    #[validate(custom(function = "forms::name"))]
    pub name: String,
    #[validate(custom(function = "forms::email"))]
    pub email: String,
    #[validate(custom(function = "role"))]
    pub role: String,
}

impl FormFields for InviteForm {
    const FIELDS: &'static [&'static str] = &["name", "email", "role"];
}

/// `POST /admin/users/{id}/role`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct RoleForm {
    #[validate(custom(function = "role"))]
    pub role: String,
}

impl FormFields for RoleForm {
    const FIELDS: &'static [&'static str] = &["role"];
}

/// `POST /admin/users/{id}/end-sessions`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EndSessionsForm {
    #[validate(custom(function = "optional_reason"))]
    pub reason: String,
}

impl FormFields for EndSessionsForm {
    const FIELDS: &'static [&'static str] = &["reason"];
}

/// A form that is only a button.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct NoFields {}

impl FormFields for NoFields {
    const FIELDS: &'static [&'static str] = &[];
}

/// `user` or `admin`.
fn role(role: &str) -> Result<(), ValidationError> {
    if Role::parse(role).is_some() {
        Ok(())
    } else {
        Err(ValidationError::new("role").with_message("Choose user or admin.".into()))
    }
}

/// Nothing, or one line of at most 200 characters.
fn optional_reason(reason: &str) -> Result<(), ValidationError> {
    if reason.trim().chars().count() <= 200 && !reason.chars().any(char::is_control) {
        Ok(())
    } else {
        let message = "Write the reason on one line of at most 200 characters.";
        Err(ValidationError::new("reason").with_message(message.into()))
    }
}
