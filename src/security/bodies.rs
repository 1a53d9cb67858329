//! The check of request bodies: every route takes forms only, of at most 64 KiB.

use actix_web::{
    HttpMessage as _,
    dev::ServiceRequest,
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};

use crate::error::Error;

/// Largest body, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

const FORM_URLENCODED: &str = "application/x-www-form-urlencoded";

/// Checks the media type and the declared length of a body. A body without a length is cut off at [`MAX_BYTES`] when it is read.
///
/// # Errors
/// [`Error::UnsupportedMediaType`] for a body that is not a form, [`Error::TooLarge`] for a `Content-Length` above the limit.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    let length = req.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let has_body = length.is_some_and(|length| length > 0) || req.headers().contains_key(TRANSFER_ENCODING);
    if has_body && !req.content_type().eq_ignore_ascii_case(FORM_URLENCODED) {
        return Err(Error::UnsupportedMediaType);
    }
    if length.is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(Error::TooLarge);
    }
    Ok(())
}
