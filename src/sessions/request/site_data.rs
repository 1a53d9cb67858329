//! `Clear-Site-Data`: makes a browser delete what it keeps of the pages of somebody who is signed out there.

use actix_web::http::header::{Header as _, HeaderMap, TryIntoHeaderValue as _};
use actix_web_lab::header::{ClearSiteData, ClearSiteDataDirective};

use crate::sessions::request_context::RequestContext;

/// Makes the response to this request delete the browser's cache and storage of this site. Other cookies are left: deleting them
/// would affect the other subdomains too.
pub fn clear_site_data() {
    RequestContext::with(|context| context.clears_site_data = true);
}

/// Adds the header to a response on its way out.
pub(super) fn add_header(headers: &mut HeaderMap, context: &RequestContext) {
    if !context.clears_site_data || context.by_bearer {
        return;
    }
    let directives = ClearSiteData(vec![ClearSiteDataDirective::Cache, ClearSiteDataDirective::Storage]);
    if let Ok(value) = directives.try_into_value() {
        headers.insert(ClearSiteData::name(), value);
    }
}
