//! The handlers of `PAGES_HOST`, the operator's pages under a host name of their own.

use actix_web::{HttpRequest, HttpResponse, http::Method, web::Data};

use super::pages::{answer, path_and_query, see_other};
use crate::{
    config::Config, error::Error, security::headers, sessions::CurrentUser, web::accept::is_from_script,
};

/// `GET /pages/{path}` at `PAGES_HOST`: as at this site, with scripts.
///
/// # Errors
/// As [`super::pages::serve`]; [`Error::SignInFirst`] for a part of a page whose reader is not known, [`Error::SecondFactorMissing`]
/// for one whose reader has to set up a second factor first.
pub async fn serve(
    req: HttpRequest,
    config: Data<Config>,
    path: actix_web::web::Path<String>,
) -> Result<HttpResponse, Error> {
    match CurrentUser::find(&req).await? {
        Some(user) if user.must_set_up() && is_from_script(&req) => Err(Error::SecondFactorMissing),
        // There they are led to where that is done.
        Some(user) if user.must_set_up() => Ok(see_other(&config.server.href(path_and_query(&req)))),
        Some(user) => answer(&req, &config, path.into_inner(), &user, headers::PAGES_HOST_CSP).await,
        None if is_from_script(&req) => Err(Error::SignInFirst),
        // A visitor gets no cookie before this site knows who it is.
        None => Ok(see_other(&config.server.href(path_and_query(&req)))),
    }
}

/// `GET /` at `PAGES_HOST`.
pub async fn front() -> HttpResponse {
    see_other("/pages/")
}

/// Everything else at `PAGES_HOST` is at this site.
///
/// # Errors
/// [`Error::NotFound`] for a form.
pub async fn elsewhere(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    match *req.method() {
        Method::GET | Method::HEAD => Ok(see_other(&config.server.href(path_and_query(&req)))),
        _ => Err(Error::NotFound),
    }
}
