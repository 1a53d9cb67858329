//! The notice on the sign-in page that says why the browser's session ended; it is shown once.

use actix_web::{HttpRequest, HttpResponse};

use crate::{
    config::Config,
    layout::{Layout, Notice},
    sessions::{EndedSession, unproven_sentence},
    state::shared,
    web::{SiteCookie, cookies},
};

/// The page with the notice added to its layout, if the browser's session has ended and the browser has not shown the notice yet; or with
/// one that the browser has not proven the key of its session.
pub(super) async fn with_end_notice(
    req: &HttpRequest,
    mut layout: Layout,
    page: impl FnOnce(Layout) -> HttpResponse,
) -> HttpResponse {
    if let Some(text) = unproven_sentence() {
        layout.notices.push(Notice { kind: "warning", text: text.to_owned() });
        return page(layout);
    }
    let (Ok(config), Some(ended)) = (shared::<Config>(req), EndedSession::of(req).await) else {
        return page(layout);
    };
    let name = SiteCookie::ShownEnd.name(&config.server);
    if cookies::values(req.headers(), name).any(|id| id == ended.id) {
        return page(layout);
    }
    layout.notices.push(Notice { kind: "warning", text: ended.message.sentence() });
    let mut response = page(layout);
    // The session's own cookie stays: removing it could remove a cookie that another tab has just been given.
    cookies::append(response.headers_mut(), &cookies::for_this_host(&config.server, name, ended.id));
    response
}
