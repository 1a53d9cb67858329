//! The site's icons at the addresses that browsers and phones know, and the manifest that names them.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data},
};
use serde_json::json;

use crate::{
    config::{Config, Icon},
    crypto::sha256_hex,
    error::Error,
    web::assets,
};

/// How long browsers keep what has no version in its address, in seconds.
const KEPT: u32 = 24 * 60 * 60;

async fn send(req: &HttpRequest, config: &Data<Config>, icon: Icon) -> Result<HttpResponse, Error> {
    // It is drawn when it is asked for first, which takes a while.
    let drawn = config.clone();
    web::block(move || drawn.site.icon(icon).is_ok()).await.map_err(Error::internal)?;
    let file = config.site.icon(icon).map_err(Error::internal)?;
    Ok(assets::kept(req, &file.hash, KEPT, file.content_type, || file.content.clone()))
}

/// `GET /favicon.ico`
///
/// # Errors
/// [`Error::Internal`] when the picture can't be drawn.
pub async fn favicon(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    send(&req, &config, Icon::Favicon).await
}

/// `GET /apple-touch-icon.png`
///
/// # Errors
/// As [`favicon`].
pub async fn touch(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    send(&req, &config, Icon::Touch).await
}

/// `GET /icon-192.png`
///
/// # Errors
/// As [`favicon`].
pub async fn small(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    send(&req, &config, Icon::Small).await
}

/// `GET /icon-512.png`
///
/// # Errors
/// As [`favicon`].
pub async fn large(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    send(&req, &config, Icon::Large).await
}

/// `GET /site.webmanifest` (W3C, "Web Application Manifest")
pub async fn manifest(req: HttpRequest, config: Data<Config>) -> HttpResponse {
    let icon = |icon: Icon| {
        let side = icon.side();
        json!({ "src": format!("/{}", icon.name()), "sizes": format!("{side}x{side}"), "type": "image/png" })
    };
    let manifest = json!({
        "name": config.site.name,
        "short_name": config.site.name,
        "start_url": "/",
        "display": "browser",
        "background_color": config.site.theme.colour("page").light.to_string(),
        "theme_color": config.site.theme.colour("surface").light.to_string(),
        "icons": [icon(Icon::Small), icon(Icon::Large)],
    })
    .to_string();
    let hash = sha256_hex(&manifest);
    assets::kept(&req, &hash[..12], KEPT, "application/manifest+json", || manifest)
}
