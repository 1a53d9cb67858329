//! The check of the size of a request's headers. actix-web refuses by itself what exceeds its buffer, without a page.

use actix_web::dev::ServiceRequest;

use crate::error::Error;

/// Most bytes of all names and values together.
const MAX_BYTES: usize = 32 * 1024;

/// Checks how large the headers are: mostly these are cookies.
///
/// # Errors
/// [`Error::HeadersTooLarge`] when they exceed the limit.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    let bytes: usize = req.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_BYTES { Err(Error::HeadersTooLarge) } else { Ok(()) }
}
