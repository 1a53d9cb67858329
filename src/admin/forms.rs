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
    /// The new user's name.
    #[validate(custom(function = "fields::name"))]
    pub name: String,
    /// The address to sign in with.
    #[validate(custom(function = "fields::email"))]
    pub email: String,
    /// `user` or `admin`.
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
    /// `user` or `admin`.
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
    /// Why the sessions end; may be empty.
    #[validate(custom(function = "optional_reason"))]
    pub reason: String,
}

impl FormFields for EndSessionsForm {
    const FIELDS: &'static [&'static str] = &["reason"];
}

impl EndSessionsForm {
    /// The reason to record with the sessions; `None`: none was given.
    pub fn note(&self) -> Option<String> {
        reason(&self.reason).filter(|reason| !reason.is_empty()).map(str::to_owned)
    }
}

/// A form that has a button only.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct NoFields {}

impl FormFields for NoFields {
    const FIELDS: &'static [&'static str] = &[];
}

/// Checks a role: `user` or `admin`.
fn role(role: &str) -> Result<(), ValidationError> {
    if Role::parse(role).is_some() {
        Ok(())
    } else {
        Err(ValidationError::new("role").with_message("Choose user or admin.".into()))
    }
}

/// Most characters (code points) of a reason.
const MAX_REASON_LENGTH: usize = 200;

/// The reason as it is recorded with ended sessions: one line without surrounding white space, perhaps empty; `None`: the text
/// can't be recorded.
pub fn reason(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.chars().count() <= MAX_REASON_LENGTH && !text.chars().any(char::is_control)).then_some(text)
}

/// Checks a reason that must be given.
///
/// # Errors
/// The message for its field, when it is empty or can't be recorded.
pub(super) fn required_reason(text: &str) -> Result<(), ValidationError> {
    let message = "Say why, on one line of at most 200 characters. It is kept with each session.";
    checked(reason(text).filter(|reason| !reason.is_empty()), message)
}

/// Checks a reason that may be empty.
fn optional_reason(text: &str) -> Result<(), ValidationError> {
    checked(reason(text), "Write the reason on one line of at most 200 characters.")
}

fn checked(reason: Option<&str>, message: &'static str) -> Result<(), ValidationError> {
    match reason {
        Some(_) => Ok(()),
        None => Err(ValidationError::new("reason").with_message(message.into())),
    }
}
