//! Which bodies are taken: forms of at most 64 KiB, whatever route they are sent to.

use actix_web::{
    HttpMessage as _,
    dev::ServiceRequest,
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};

use crate::error::Error;

/// Largest body, in bytes.
pub const LIMIT: usize = 64 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

/// 415 for a body that is no form, 413 for one that says it is too large.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    let length = req.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let has_body = length.is_some_and(|length| length > 0) || req.headers().contains_key(TRANSFER_ENCODING);
    if has_body && !req.content_type().eq_ignore_ascii_case(FORM) {
        return Err(Error::UnsupportedMediaType);
    }
    if length.is_some_and(|length| length > LIMIT as u64) {
        return Err(Error::TooLarge);
    }
    Ok(())
}
