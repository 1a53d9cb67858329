//! The files of `static/`, built into the program. Pages link them with a hash of their content, so browsers cache them for a
//! year.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CacheDirective, ETAG, EntityTag, Header as _, IfNoneMatch},
    web,
};

use crate::{crypto::sha256_hex, error::Error};

/// A static file.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
    /// The first 12 hex digits of the SHA-256 of the content.
    hash: String,
}

macro_rules! assets {
    ($(($name:literal, $content_type:literal)),* $(,)?) => {
        vec![$(Asset {
            name: $name,
            content_type: $content_type,
            content: include_str!(concat!("../../static/", $name)),
            hash: sha256_hex(include_str!(concat!("../../static/", $name)))[..12].to_owned(),
        }),*]
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    assets![
        ("app.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("live.js", "text/javascript; charset=utf-8"),
        ("admin-live.js", "text/javascript; charset=utf-8"),
        ("logo.svg", "image/svg+xml"),
        ("favicon.svg", "image/svg+xml"),
    ]
});

/// The path of a static file with its version.
pub fn href(name: &str) -> String {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => format!("/static/{name}?v={}", asset.hash),
        None => format!("/static/{name}"),
    }
}

/// `GET /static/{name}`: reads neither session nor store.
///
/// # Errors
/// [`Error::NotFound`] when there is no such file.
pub async fn serve(req: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Error> {
    let asset = ASSETS.iter().find(|asset| asset.name == *name).ok_or(Error::NotFound)?;
    let etag = EntityTag::new_strong(asset.hash.clone());
    let is_versioned = req.query_string() == format!("v={}", asset.hash);
    let max_age = if is_versioned { 365 * 24 * 60 * 60 } else { 60 * 60 };
    let cache_control =
        actix_web::http::header::CacheControl(vec![CacheDirective::Public, CacheDirective::MaxAge(max_age)]);
    let is_current = match IfNoneMatch::parse(&req) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&etag)),
        Err(_) => false,
    };
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, cache_control)).insert_header((ETAG, etag));
    if is_current {
        return Ok(response.finish());
    }
    Ok(response.content_type(asset.content_type).body(asset.content))
}
