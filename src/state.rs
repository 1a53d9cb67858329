//! The shared parts of the application, found from a request.

use actix_web::{HttpRequest, web::Data};

use crate::error::Error;

/// The shared part of type `T` that `app::start` put into the application.
///
/// # Errors
/// [`Error::Internal`] when the application has none; never in one that `app::start` made.
pub fn shared<T: 'static>(req: &HttpRequest) -> Result<&Data<T>, Error> {
    req.app_data::<Data<T>>().ok_or_else(|| Error::bug("the application lacks a shared part"))
}
