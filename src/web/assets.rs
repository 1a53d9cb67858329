//! The files of `static/`, built in. Pages name them with a hash of the content, so browsers keep them for a year.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CacheDirective, ETAG, EntityTag, Header as _, IfNoneMatch},
    web,
};

use crate::{crypto::sha256_hex, error::Error};

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
    hash: String,
}

macro_rules! assets {
    ($(($name:literal, $kind:literal)),* $(,)?) => {
        vec![$(Asset {
            name: $name,
            content_type: $kind,
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

/// The address of a file, with its version.
pub fn href(name: &str) -> String {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => format!("/static/{name}?v={}", asset.hash),
        None => format!("/static/{name}"),
    }
}

/// `GET /static/{name}`: neither session nor store is touched.
pub async fn serve(req: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Error> {
    let asset = ASSETS.iter().find(|asset| asset.name == *name).ok_or(Error::NotFound)?;
    let tag = EntityTag::new_strong(asset.hash.clone());
    let versioned = req.query_string() == format!("v={}", asset.hash);
    let age = if versioned { 365 * 24 * 60 * 60 } else { 60 * 60 };
    let caching =
        actix_web::http::header::CacheControl(vec![CacheDirective::Public, CacheDirective::MaxAge(age)]);
    let known = match IfNoneMatch::parse(&req) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, caching)).insert_header((ETAG, tag));
    if known {
        return Ok(response.finish());
    }
    Ok(response.content_type(asset.content_type).body(asset.content))
}
