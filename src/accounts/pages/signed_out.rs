//! The response to whoever has just ended the session of their own request, by whichever form.

use actix_session::SessionExt as _;
use actix_web::{HttpRequest, HttpResponse};

use crate::{
    layout::{Flash, see_other},
    sessions::clear_site_data,
};

/// A redirect that removes the session's cookie and makes the browser delete what it keeps of signed-in pages.
pub fn signed_out(req: &HttpRequest, to: &str, flash: Flash) -> HttpResponse {
    req.get_session().purge();
    clear_site_data();
    see_other(to, flash)
}
