//! The fields of the administration's forms.

use serde::Deserialize;
use validator::{Validate, ValidationError};

use crate::{
    security::local_path,
    sessions::Remarks,
    text,
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

/// The forms that sign somebody out: `POST /admin/users/{id}/end-sessions`, `POST /admin/users/{id}/deactivate` and
/// `POST /admin/sessions/{id}/end`
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EndSessionsForm {
    /// What whoever is signed out reads; may be empty.
    #[validate(custom(function = "optional_line"))]
    pub reason: String,
    /// What only administrators read; may be empty.
    #[validate(custom(function = "optional_line"))]
    pub note: String,
    /// The page to go back to, if it is not the usual one.
    pub back: String,
}

impl FormFields for EndSessionsForm {
    const FIELDS: &'static [&'static str] = &["reason", "note", "back"];
}

impl EndSessionsForm {
    /// The page to go back to.
    pub fn back(&self) -> String {
        back_to(&self.back)
    }

    /// What to record with the sessions.
    pub fn remarks(&self) -> Remarks {
        remarks(&self.reason, &self.note)
    }
}

/// The whole list of sessions.
pub(super) const WHOLE_LIST: &str = "/admin/sessions";

/// The page that a form on a list of sessions goes back to: the one that it names, if that is on this site, else the whole list.
pub(super) fn back_to(back: &str) -> String {
    local_path(back).unwrap_or_else(|| WHOLE_LIST.to_owned())
}

/// What to record of a reason and a note that have been checked.
pub fn remarks(reason: &str, note: &str) -> Remarks {
    let text = |field| line(field).filter(|text| !text.is_empty()).map(str::to_owned);
    Remarks { message: text(reason), note: text(note) }
}

/// `?back=`: the page to go back to, if it is not the whole list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BackQuery {
    back: String,
}

impl BackQuery {
    /// The query for a page that is to lead back to `back`; empty for the whole list.
    pub fn to(back: &str) -> String {
        if back.is_empty() || back == WHOLE_LIST {
            return String::new();
        }
        let query = url::form_urlencoded::Serializer::new("?".to_owned()).append_pair("back", back).finish();
        query.replacen("?&", "?", 1)
    }

    /// The page to go back to.
    pub fn page(&self) -> String {
        back_to(&self.back)
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

/// Most characters (code points) of a reason or a note.
const MAX_LENGTH: usize = 200;

/// A reason or a note as it is recorded with ended sessions: one line of visible text without surrounding white space, perhaps
/// empty; `None`: the text can't be recorded.
pub fn line(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.chars().count() <= MAX_LENGTH && text::check(text).is_ok()).then_some(text)
}

/// Checks a reason that must be given.
///
/// # Errors
/// The message for its field, when it is empty or can't be recorded.
pub(super) fn required_reason(text: &str) -> Result<(), ValidationError> {
    let message = "Say why, on one line of at most 200 characters. Whoever is signed out reads it.";
    checked(line(text).filter(|reason| !reason.is_empty()), message)
}

/// Checks a reason or a note that may be empty.
pub(super) fn optional_line(text: &str) -> Result<(), ValidationError> {
    checked(line(text), "Write it on one line of at most 200 characters.")
}

fn checked(text: Option<&str>, message: &'static str) -> Result<(), ValidationError> {
    match text {
        Some(_) => Ok(()),
        None => Err(ValidationError::new("line").with_message(message.into())),
    }
}
