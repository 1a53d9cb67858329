//! The fields that calls take, and their checks.

use serde::Deserialize;
use utoipa::ToSchema;
use validator::{Validate, ValidationErrors};

use super::body::CallFields;
use crate::{users::fields, web::FormFields};

/// A new account.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Shown to others; 1 to 100 characters that can be seen.
    #[validate(custom(function = "fields::name"))]
    #[schema(required, min_length = 1, max_length = 100, examples("Ada Lovelace"))]
    pub name: String,
    /// The address to sign in with.
    #[validate(custom(function = "fields::email"))]
    #[schema(required, format = "email", examples("ada@example.org"))]
    pub email: String,
    /// At least 8 characters, or as many as this site asks for, and not easy to guess.
    #[schema(
        required,
        format = "password",
        pattern = r"^[^\u0000]*$",
        min_length = 8,
        max_length = 128,
        examples("violet-anchor-93-maple")
    )]
    pub password: String,
    /// A token in the answer instead of a cookie.
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub token: bool,
}

impl FormFields for Registration {
    const FIELDS: &'static [&'static str] = &["name", "email", "password", "token"];
}

impl CallFields for Registration {
    const CHOICES: &'static [&'static str] = &["token"];
}

/// Who signs in.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// The address of the account.
    #[validate(custom(function = "fields::known_email"))]
    #[schema(required, format = "email", examples("ada@example.org"))]
    pub email: String,
    /// The password.
    #[validate(length(min = 1, message = "Enter your password."))]
    #[schema(
        required,
        format = "password",
        pattern = r"^[^\u0000]*$",
        min_length = 1,
        examples("violet-anchor-93-maple")
    )]
    pub password: String,
    /// Whether the session outlives the browser, and lasts longer without being used.
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub remember: bool,
    /// A token in the answer instead of a cookie.
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub token: bool,
}

impl FormFields for Credentials {
    const FIELDS: &'static [&'static str] = &["email", "password", "remember", "token"];
}

impl CallFields for Credentials {
    const CHOICES: &'static [&'static str] = &["remember", "token"];
}

/// The second step of a sign-in.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecondStepFields {
    /// What the answer to `/auth/login` has.
    #[validate(length(min = 1, message = "Send the mfa_token of the answer to /auth/login."))]
    #[schema(required, pattern = r"^[^\u0000]*$", min_length = 1)]
    pub mfa_token: String,
    /// A code of the authenticator app, or a recovery code.
    #[validate(length(min = 1, max = 100, message = "Send the code."))]
    #[schema(required, pattern = r"^[^\u0000]*$", min_length = 1, max_length = 100, examples("123456"))]
    pub code: String,
    /// A token in the answer instead of a cookie.
    #[serde(deserialize_with = "crate::web::checkbox")]
    pub token: bool,
}

impl FormFields for SecondStepFields {
    const FIELDS: &'static [&'static str] = &["mfa_token", "code", "token"];
}

impl CallFields for SecondStepFields {
    const CHOICES: &'static [&'static str] = &["token"];
}

/// What people may change of their profile.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The new name; 1 to 100 characters that can be seen.
    #[validate(custom(function = "fields::name"))]
    #[schema(required, min_length = 1, max_length = 100, examples("Ada King"))]
    pub name: String,
}

impl FormFields for Profile {
    const FIELDS: &'static [&'static str] = &["name"];
}

impl CallFields for Profile {}

/// The password, for what needs it once more.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Confirmation {
    /// The password of the account, if it was last given too long ago (`CONFIRM_PASSWORD_TTL`).
    #[schema(format = "password", pattern = r"^[^\u0000]*$")]
    pub confirm_password: String,
    /// A code of the authenticator app or a recovery code, where there is a second factor.
    #[schema(format = "password", pattern = r"^[^\u0000]*$")]
    pub confirm_code: String,
}

impl FormFields for Confirmation {
    const FIELDS: &'static [&'static str] = &["confirm_password", "confirm_code"];
}

impl CallFields for Confirmation {}

/// A call without fields.
#[derive(Debug, Default, Deserialize)]
pub struct NoFields {}

impl Validate for NoFields {
    fn validate(&self) -> Result<(), ValidationErrors> {
        Ok(())
    }
}

impl FormFields for NoFields {
    const FIELDS: &'static [&'static str] = &[];
}

impl CallFields for NoFields {}
