//! `/pages/…`: the operator's HTML from `PAGES_DIR`, for signed-in users; `/pages/admin/…` for administrators only.

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION},
    web,
};

use super::folder::{self, Found};
use crate::{
    config::Config,
    error::Error,
    security::{headers, site},
    sessions::CurrentUser,
};

/// How long a file is kept: by browsers alone, which ask each time whether it is the same, and still theirs to read.
const CACHED: &str = "private, no-cache";

/// `GET /pages/{path}`: the file, or for a folder its `index.html`; a folder without a trailing slash is redirected. With
/// `PAGES_HOST` all of it is there.
///
/// # Errors
/// [`Error::NotFound`] when there is no such file or no `PAGES_DIR`; [`Error::Forbidden`] for users below the folder for
/// administrators.
pub async fn serve(
    req: HttpRequest,
    config: web::Data<Config>,
    user: CurrentUser,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    match config.server.pages_site() {
        Some(there) => Ok(see_other(&site::sign_in_href(&there, path_and_query(&req)))),
        None => answer(&req, &config, path.into_inner(), &user, headers::PAGES_WITHOUT_SCRIPTS_CSP).await,
    }
}

/// The response with what a path below `/pages/` names.
///
/// # Errors
/// As [`serve`].
pub(super) async fn answer(
    req: &HttpRequest,
    config: &Config,
    path: String,
    user: &CurrentUser,
    policy: &'static str,
) -> Result<HttpResponse, Error> {
    let root = config.server.pages_dir.clone().ok_or(Error::NotFound)?;
    let is_admin = user.is_admin();
    let is_folder_path = path.is_empty() || path.ends_with('/');
    let found = web::block(move || folder::find(&root, &path, is_admin)).await.map_err(Error::internal)??;
    match found {
        Found::Folder if !is_folder_path => Ok(see_other(&with_slash(req))),
        Found::Folder => Err(Error::NotFound),
        Found::File(file) => Ok(respond(*file, req, policy)),
    }
}

/// The file as far as the request wants it (RFC 9110: conditions, ranges), read in parts. What a browser shows and what it saves is
/// left to the browser.
fn respond(file: NamedFile, req: &HttpRequest, policy: &'static str) -> HttpResponse {
    let mut response = file.prefer_utf8(true).disable_content_disposition().into_response(req);
    if !response.status().is_client_error() {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(CACHED));
    }
    response
}

/// The address of a request with a slash at the end of its path.
fn with_slash(req: &HttpRequest) -> String {
    let (path, query) = (req.uri().path(), req.uri().query());
    query.map_or_else(|| format!("{path}/"), |query| format!("{path}/?{query}"))
}

/// The path and query of a request.
pub(super) fn path_and_query(req: &HttpRequest) -> &str {
    req.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// A redirect to another address.
pub(super) fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}
