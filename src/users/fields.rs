//! Validation of a user's name and address, for forms and the command line.

use validator::{ValidateEmail as _, ValidationError};

const NAME_MESSAGE: &str = "Enter a name of 1 to 100 characters.";

const EMAIL_MESSAGE: &str = "Enter an email address, such as name@example.org.";

/// Checks a name: 1 to 100 code points without surrounding white space, none of them a control character.
///
/// # Errors
/// The message for the field.
pub fn name(name: &str) -> Result<(), ValidationError> {
    let length = name.trim().chars().count();
    if (1..=100).contains(&length) && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(ValidationError::new("name").with_message(NAME_MESSAGE.into()))
    }
}

/// Checks an address: as HTML's `type=email` takes it, at most 254 bytes (RFC 5321).
///
/// # Errors
/// The message for the field.
pub fn email(email: &str) -> Result<(), ValidationError> {
    let email = email.trim();
    if email.len() <= 254 && email.validate_email() {
        Ok(())
    } else {
        Err(ValidationError::new("email").with_message(EMAIL_MESSAGE.into()))
    }
}
