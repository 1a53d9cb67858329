//! `/pages/…`: the operator's HTML from `PAGES_DIR`, for signed-in users; `/pages/admin/…` for administrators only.

use std::path::{Component, Path, PathBuf};

use actix_files::NamedFile;
use actix_web::{HttpRequest, HttpResponse, http::header::LOCATION, web};

use crate::{config::Config, error::Error, sessions::CurrentUser};

/// The file that is served for a folder.
const INDEX_FILE: &str = "index.html";
/// The folder below the root for administrators only, in any case.
const ADMIN_FOLDER: &str = "admin";

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
    let found = web::block(move || find(&root, &path, is_admin)).await.map_err(Error::internal)??;
    match found {
        Found::Folder if !is_folder_path => {
            let location = format!("{}/", req.uri().path());
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, location)).finish())
        }
        Found::Folder => Err(Error::NotFound),
        Found::File(file) => Ok(file.prefer_utf8(true).into_response(&req)),
    }
}

/// What a path below the root names.
enum Found {
    File(Box<NamedFile>),
    Folder,
}

/// Finds what a path names; never outside of the root, whatever the path or a symbolic link contains.
fn find(root: &Path, path: &str, is_admin: bool) -> Result<Found, Error> {
    let root = root.canonicalize().map_err(|_| Error::NotFound)?;
    let target = root.join(relative(path)?);
    let is_folder = target.is_dir();
    if is_folder && !(path.is_empty() || path.ends_with('/')) {
        check(&root, &target, is_admin)?;
        return Ok(Found::Folder);
    }
    let file = if is_folder { target.join(INDEX_FILE) } else { target };
    let file = check(&root, &file, is_admin)?;
    if !file.is_file() || (!is_folder && path.ends_with('/')) {
        return Err(Error::NotFound);
    }
    NamedFile::open(file).map(|file| Found::File(Box::new(file))).map_err(|_| Error::NotFound)
}

/// Resolves symbolic links, and checks that the path is inside the root and that the user may read it.
fn check(root: &Path, path: &Path, is_admin: bool) -> Result<PathBuf, Error> {
    let real = path.canonicalize().map_err(|_| Error::NotFound)?;
    let inside = real.strip_prefix(root).map_err(|_| Error::NotFound)?;
    let is_admin_only = inside
        .components()
        .next()
        .is_some_and(|first| first.as_os_str().to_string_lossy().eq_ignore_ascii_case(ADMIN_FOLDER));
    if is_admin_only && !is_admin {
        return Err(Error::administrators_only());
    }
    Ok(real)
}

/// The path relative to the root; not found when it has `..`, hidden or empty parts, or the characters `\`, `:` or NUL.
fn relative(path: &str) -> Result<PathBuf, Error> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if trimmed.is_empty() {
        return Ok(PathBuf::new());
    }
    let is_plain = trimmed
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0']));
    let relative = PathBuf::from(trimmed);
    let is_normal = relative.components().all(|component| matches!(component, Component::Normal(_)));
    if is_plain && is_normal { Ok(relative) } else { Err(Error::NotFound) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pages_accept_plain_paths_only() {
        for accepted in ["", "a.html", "a/b.html", "docs/", "a b.html"] {
            assert!(relative(accepted).is_ok(), "{accepted}");
        }
        for refused in
            ["..", "../x", "a/../b", "/etc/passwd", "a//b", ".env", "a/.git/config", "a\\b", "C:x", "a\0b"]
        {
            assert!(relative(refused).is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn pages_path_never_leaves_root(path in "[a./\\\\%:\0]{0,12}") {
            if let Ok(relative) = relative(&path) {
                prop_assert!(relative.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
