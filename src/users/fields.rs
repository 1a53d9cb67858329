//! Validation of a user's name and address, for forms and the command line.

use validator::ValidationError;

use super::{
    address::{Address, was_address},
    canary,
};
use crate::text;

const NAME_MESSAGE: &str = "Enter a name of 1 to 100 characters.";

const EMAIL_MESSAGE: &str = "Enter an email address, such as name@example.org.";

/// Checks a name: 1 to 100 code points without surrounding white space, each of which may stand in a text that others read.
///
/// # Errors
/// The message for the field.
pub fn name(name: &str) -> Result<(), ValidationError> {
    let name = name.trim();
    let error = |message: String| ValidationError::new("name").with_message(message.into());
    if !(1..=100).contains(&name.chars().count()) {
        return Err(error(NAME_MESSAGE.to_owned()));
    }
    text::check(name).map_err(|flaw| error(flaw.message()))
}

/// Checks an address: as [`Address::parse`] takes it, and not that of the drill's account, which would be somebody's then.
///
/// # Errors
/// The message for the field.
pub fn email(email: &str) -> Result<(), ValidationError> {
    checked_email(Address::parse(email).is_some_and(|address| address.key != canary::ADDRESS))
}

/// Checks the address of a sign-in: one that is taken today, or was when its account was made.
///
/// # Errors
/// The message for the field.
pub fn known_email(email: &str) -> Result<(), ValidationError> {
    checked_email(Address::parse(email).is_some() || was_address(email))
}

fn checked_email(is_address: bool) -> Result<(), ValidationError> {
    if is_address { Ok(()) } else { Err(ValidationError::new("email").with_message(EMAIL_MESSAGE.into())) }
}
