//! `/pages/…`: the operator's HTML from `PAGES_DIR`, for signed-in users; `/pages/admin/…` for administrators only.

use actix_web::{HttpRequest, HttpResponse, http::header::LOCATION, web};

use super::folder::{self, Found};
use crate::{config::Config, error::Error, sessions::CurrentUser};

/// `GET /pages/{path}`: the file, or for a folder its `index.html`; a folder without a trailing slash is redirected.
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
    let root = config.server.pages_dir.clone().ok_or(Error::NotFound)?;
    let path = path.into_inner();
    let is_admin = user.is_admin();
    let is_folder_path = path.is_empty() || path.ends_with('/');
    let found = web::block(move || folder::find(&root, &path, is_admin)).await.map_err(Error::internal)??;
    match found {
        Found::Folder if !is_folder_path => {
            let location = format!("{}/", req.uri().path());
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, location)).finish())
        }
        Found::Folder => Err(Error::NotFound),
        Found::File(file) => Ok(file.prefer_utf8(true).into_response(&req)),
    }
}
