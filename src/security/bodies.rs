//! The check of request bodies: pages take forms, calls of scripts take JSON too, of at most 64 KiB.

use actix_web::{
    HttpMessage as _,
    dev::ServiceRequest,
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};

use super::api;
use crate::error::Error;

/// Largest body, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// The media type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// The media type of JSON.
pub const JSON: &str = "application/json";

/// Checks the media type and the declared length of a body. A body without a length is cut off at [`MAX_BYTES`] when it is read.
///
/// # Errors
/// [`Error::UnsupportedMediaType`] for a body that is no form, [`Error::NotJson`] for one that a call doesn't take either,
/// [`Error::TooLarge`] for a `Content-Length` above the limit.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    let length = req.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let has_body = length.is_some_and(|length| length > 0) || req.headers().contains_key(TRANSFER_ENCODING);
    let is = |known| req.content_type().eq_ignore_ascii_case(known);
    if has_body && api::is_json(req.path()) {
        // JSON is in UTF-8 (RFC 8259 §8.1).
        let is_utf8 = || matches!(req.encoding(), Ok(encoding) if encoding.name() == "UTF-8");
        let is_taken = is(FORM) || (is(JSON) && is_utf8());
        if !is_taken {
            return Err(Error::NotJson);
        }
    } else if has_body && !is(FORM) {
        return Err(Error::UnsupportedMediaType);
    }
    if length.is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(Error::TooLarge);
    }
    Ok(())
}
