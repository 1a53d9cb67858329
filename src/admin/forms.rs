//! The fields of the administration's forms.

use serde::Deserialize;
use validator::{Validate, ValidationError};

use crate::{
    users::{Role, fields},
    web::FormFields,
};

/// `POST /admin/users`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct InviteForm {
    #[validate(custom(function = "fields::name"))]
    pub name: String,
    #[validate(custom(function = "fields::email"))]
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

/// `POST /admin/users/{id}/end-sessions` and `POST /admin/sessions/{id}/end`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EndSessionsForm {
    #[validate(custom(function = "optional_reason"))]
    pub reason: String,
}

impl FormFields for EndSessionsForm {
    const FIELDS: &'static [&'static str] = &["reason"];
}

impl EndSessionsForm {
    /// What is kept with the sessions.
    pub fn note(&self) -> Option<String> {
        reason(&self.reason).filter(|reason| !reason.is_empty()).map(str::to_owned)
    }
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

/// Most characters of a reason.
const LONGEST_REASON: usize = 200;

/// Why sessions end, as it is kept with them: one line without blanks around it; `None`: the text can't be kept. It may
/// be empty where no reason is asked for.
pub fn reason(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.chars().count() <= LONGEST_REASON && !text.chars().any(char::is_control)).then_some(text)
}

pub fn required_reason(text: &str) -> Result<(), ValidationError> {
    let message = "Say why, on one line of at most 200 characters. It is kept with each session.";
    checked(reason(text).filter(|reason| !reason.is_empty()), message)
}

fn optional_reason(text: &str) -> Result<(), ValidationError> {
    checked(reason(text), "Write the reason on one line of at most 200 characters.")
}

fn checked(reason: Option<&str>, message: &'static str) -> Result<(), ValidationError> {
    match reason {
        Some(_) => Ok(()),
        None => Err(ValidationError::new("reason").with_message(message.into())),
    }
}
