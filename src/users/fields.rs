//! What a user's name and address may be.

use validator::{ValidateEmail as _, ValidationError};

const NAME: &str = "Enter a name of 1 to 100 characters.";

const EMAIL: &str = "Enter an email address, such as name@example.org.";

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
    let email = email.trim();
    if email.len() <= 254 && email.validate_email() {
        Ok(())
    } else {
        Err(ValidationError::new("email").with_message(EMAIL.into()))
    }
}
