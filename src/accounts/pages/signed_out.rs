//! The response to whoever has just ended the session of their own request, by whichever form.

use actix_session::SessionExt as _;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{Header as _, TryIntoHeaderValue as _},
};
use actix_web_lab::header::{ClearSiteData, ClearSiteDataDirective};

use crate::layout::{Flash, see_other};

/// A redirect that removes the session's cookie and makes the browser delete its cache and storage of signed-in pages. Other cookies
/// are left: deleting them would affect the other subdomains too.
pub fn signed_out(req: &HttpRequest, to: &str, flash: Flash) -> HttpResponse {
    req.get_session().purge();
    let mut response = see_other(to, flash);
    let directives = ClearSiteData(vec![ClearSiteDataDirective::Cache, ClearSiteDataDirective::Storage]);
    if let Ok(value) = directives.try_into_value() {
        response.headers_mut().insert(ClearSiteData::name(), value);
    }
    response
}
