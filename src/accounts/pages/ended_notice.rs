//! Tells on the sign-in page why the session of this browser ended, once.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
};

use crate::{
    config::{Config, Server},
    layout::{Layout, Notice},
    sessions::EndedSession,
    state::shared,
};

/// The page with the notice added to its layout, unless this browser has seen it before or there is none.
pub async fn with_end_notice(
    req: &HttpRequest,
    mut layout: Layout,
    page: impl FnOnce(Layout) -> HttpResponse,
) -> HttpResponse {
    let (Ok(config), Some(ended)) = (shared::<Config>(req), EndedSession::of(req).await) else {
        return page(layout);
    };
    let seen = req.cookie(cookie_name(&config.server)).is_some_and(|cookie| cookie.value() == ended.id);
    if seen {
        return page(layout);
    }
    layout.notices.push(Notice { kind: "warning", text: ended.message.sentence() });
    let mut response = page(layout);
    // The session's own cookie stays: removing it could hit one that another tab gets at this moment.
    if let Err(error) = response.add_cookie(&cookie(&config.server, ended.id)) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

fn cookie_name(server: &Server) -> &'static str {
    if server.is_https() { "__Host-gatehouse-told" } else { "gatehouse-told" }
}

/// Remembers until the browser is closed which end it has shown, by the public session id.
fn cookie(server: &Server, session_id: String) -> Cookie<'static> {
    Cookie::build(cookie_name(server), session_id)
        .path("/")
        .secure(server.is_https())
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}
