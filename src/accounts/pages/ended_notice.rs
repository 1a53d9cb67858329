//! Tells on the sign-in page why the session of this browser ended, once.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
};

use crate::{app::Site, config::Config, layout::Layout, sessions::Departed, web::flash::Notice};

/// The page with the notice, after what was just done, unless it has been shown to this browser before or there is none.
pub async fn said(
    req: &HttpRequest,
    mut layout: Layout,
    page: impl FnOnce(Layout) -> HttpResponse,
) -> HttpResponse {
    let (Ok(site), Some(departed)) = (Site::of(req), Departed::of(req).await) else {
        return page(layout);
    };
    let said_before = req.cookie(name(&site.config)).is_some_and(|cookie| cookie.value() == departed.id);
    if said_before {
        return page(layout);
    }
    layout.notices.push(Notice { kind: "warning", text: departed.farewell.sentence() });
    let mut response = page(layout);
    // The session's own cookie stays: taking it away could hit one that another tab gets just now.
    if let Err(error) = response.add_cookie(&cookie(&site.config, departed.id)) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

fn name(config: &Config) -> &'static str {
    if config.server.is_https() { "__Host-gatehouse-told" } else { "gatehouse-told" }
}

/// Remembers until the browser is closed which end it has shown, by the public session id.
fn cookie(config: &Config, id: String) -> Cookie<'static> {
    Cookie::build(name(config), id)
        .path("/")
        .secure(config.server.is_https())
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}
