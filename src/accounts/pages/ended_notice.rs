//! The notice on the sign-in page that says why the browser's session ended; it is shown once.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
};

use crate::{
    config::{Config, Server},
    layout::{Layout, Notice},
    sessions::EndedSession,
    state::shared,
    web::cookies,
};

/// The page with the notice added to its layout, if the browser's session has ended and the browser has not shown the notice yet.
pub(super) async fn with_end_notice(
    req: &HttpRequest,
    mut layout: Layout,
    page: impl FnOnce(Layout) -> HttpResponse,
) -> HttpResponse {
    let (Ok(config), Some(ended)) = (shared::<Config>(req), EndedSession::of(req).await) else {
        return page(layout);
    };
    let shown = cookies::values(req.headers(), cookie_name(&config.server)).any(|id| id == ended.id);
    if shown {
        return page(layout);
    }
    layout.notices.push(Notice { kind: "warning", text: ended.message.sentence() });
    let mut response = page(layout);
    // The session's own cookie stays: removing it could remove a cookie that another tab has just been given.
    cookies::append(response.headers_mut(), &cookie(&config.server, ended.id));
    response
}

fn cookie_name(server: &Server) -> &'static str {
    if server.is_https() { "__Host-gatehouse-told" } else { "gatehouse-told" }
}

/// The cookie that records which end the browser has shown, by the public session id; it lasts until the browser is closed.
fn cookie(server: &Server, session_id: String) -> Cookie<'static> {
    Cookie::build(cookie_name(server), session_id)
        .path("/")
        .secure(server.is_https())
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}
