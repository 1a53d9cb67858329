//! The files below `/static/`: those built into the program, and the operator's own. Pages link them with a hash of their content,
//! so browsers cache them for a year.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CacheControl, CacheDirective, ETAG,
        EntityTag, Header as _, HeaderValue, IfNoneMatch, VARY,
    },
    web::{self, Data},
};

use super::compressed;
use crate::{config::Config, error::Error, security::headers::PICTURE_CSP, static_file::StaticFile};

/// How long a file is kept whose address changes with its content, in seconds, and any other one.
const VERSIONED: u32 = 365 * 24 * 60 * 60;
const OTHERS: u32 = 60 * 60;

macro_rules! files {
    ($(($name:literal, $content_type:literal)),* $(,)?) => {
        vec![$(StaticFile::new($name, $content_type, include_bytes!(concat!("../../static/", $name)).to_vec())),*]
    };
}

static FILES: LazyLock<Vec<StaticFile>> = LazyLock::new(|| {
    files![
        ("app.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("passkeys.js", "text/javascript; charset=utf-8"),
        ("live.js", "text/javascript; charset=utf-8"),
        ("admin-live.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ]
});

/// The path of a file of the program with its version; that of the folder for a name that no file has.
pub fn href(name: &str) -> &'static str {
    FILES.iter().find(|file| file.name == name).map_or("/static/", |file| &file.href)
}

/// `GET /static/{name}`: reads neither session nor store.
///
/// # Errors
/// [`Error::NotFound`] when there is no such file.
pub async fn serve(
    req: HttpRequest,
    config: Data<Config>,
    name: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let file = find(&config, &name).ok_or(Error::NotFound)?;
    let is_versioned = req.query_string() == format!("v={}", file.hash);
    let max_age = if is_versioned { VERSIONED } else { OTHERS };
    let coding = compressed::asked_for(&req, &compressed::FILE_CODINGS)
        .filter(|_| config.server.compress && is_text(file));
    if let Some(coding) = coding.filter(|coding| !file.is_compressed(*coding)) {
        // As small as it gets, which takes a while.
        let (config, name) = (config.clone(), name.into_inner());
        let compress = move || find(&config, &name).map(|file| file.compressed(coding).len());
        web::block(compress).await.map_err(Error::internal)?;
    }
    let mut response = match coding {
        Some(coding) => {
            // What is another body has another tag.
            let tag = format!("{}-{}", file.hash, coding.name());
            let mut response =
                kept(&req, &tag, max_age, file.content_type, || file.compressed(coding).to_vec());
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            response
        }
        None => kept(&req, &file.hash, max_age, file.content_type, || file.content.clone()),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    if config.site.file(file.name).is_some() {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_CSP));
    }
    Ok(response)
}

/// A file of the operator, or of the program, by its name.
fn find<'a>(config: &'a Config, name: &str) -> Option<&'a StaticFile> {
    config.site.file(name).or_else(|| FILES.iter().find(|file| file.name == name))
}

/// Whether a file becomes smaller; a PNG does not.
fn is_text(file: &StaticFile) -> bool {
    file.content_type != "image/png"
}

/// A file that browsers keep for so many seconds, or 304 to one that has it. `content` is made only if it is sent.
pub fn kept<C: Into<web::Bytes>>(
    req: &HttpRequest,
    hash: &str,
    max_age: u32,
    content_type: &str,
    content: impl FnOnce() -> C,
) -> HttpResponse {
    let etag = EntityTag::new_strong(hash.to_owned());
    let is_current = match IfNoneMatch::parse(req) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&etag)),
        Err(_) => false,
    };
    let cache_control = CacheControl(vec![CacheDirective::Public, CacheDirective::MaxAge(max_age)]);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, cache_control)).insert_header((ETAG, etag));
    if is_current {
        return response.finish();
    }
    response.content_type(content_type).body(content().into())
}
