//! Where people go after signing in.

use actix_web::HttpResponse;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::{
    config::Server,
    layout::{Flash, Layout, see_other},
    security::next_page,
    sessions::EndOutcome,
};

/// `?next=`: where to go after signing in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NextQuery {
    /// A path of this site, or an address of a site behind this login; anything else is ignored.
    pub next: String,
}

/// The page of whoever has named no other.
const PROFILE: &str = "/profile";

/// Where to go after signing in: to `next` if that is allowed, else to the site itself (`HOME_URL`, `PAGES_DIR`) or the profile.
pub(super) fn next_or_home(next: &str, server: &Server) -> String {
    // A site with a cookie of its own is reached by way of that cookie.
    let home =
        || server.home.address().map(|home| next_page(home, server).unwrap_or_else(|| home.to_owned()));
    next_page(next, server).or_else(home).unwrap_or_else(|| PROFILE.to_owned())
}

/// Where to go back to after a step in between: to `next` if that is allowed, else to the profile.
pub(super) fn next_or_profile(next: &str, server: &Server) -> String {
    next_page(next, server).unwrap_or_else(|| PROFILE.to_owned())
}

/// Where to go on later: to `next` if that is allowed; empty: nowhere.
pub(super) fn next_or_none(next: &str, server: &Server) -> String {
    next_page(next, server).unwrap_or_default()
}

/// A path of this site with the page to which it leads on; an empty one is left out.
pub(super) fn with_next(path: &str, next: &str) -> String {
    if next.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", Serializer::new(String::new()).append_pair("next", next).finish())
}

/// The redirect of somebody who is signed in already to the page that they wanted; `None`: nobody is, or no page was named.
pub(super) fn onwards(layout: &Layout, next: &str, server: &Server) -> Option<HttpResponse> {
    layout.user.as_ref()?;
    next_page(next, server).map(|next| see_other(&next, None))
}

/// Where somebody goes who has just signed in, and what is said there.
pub fn landing(next: &str, server: &Server, ended: EndOutcome) -> (String, Option<Flash>) {
    let flash = (ended.count > 0).then_some(Flash::LimitReached(ended));
    (next_or_home(next, server), flash)
}

/// The redirect of somebody who has just signed in.
pub(super) fn signed_in(next: &str, server: &Server, ended: EndOutcome) -> HttpResponse {
    let (path, flash) = landing(next, server, ended);
    see_other(&path, flash)
}
