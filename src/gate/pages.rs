//! `/pages/…`: the operator's own HTML from `PAGES_DIR`, for signed-in people; `/pages/admin/…` for
//! administrators only.

use std::path::{Component, Path, PathBuf};

use actix_files::NamedFile;
use actix_web::{HttpRequest, HttpResponse, http::header::LOCATION, web};

use crate::{config::Config, error::Error, sessions::CurrentUser};

const INDEX: &str = "index.html";
const ADMIN_ONLY: &str = "admin";

/// `GET /pages/{path}`
pub async fn serve(
    req: HttpRequest,
    config: web::Data<Config>,
    user: CurrentUser,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let root = config.server.pages_dir.clone().ok_or(Error::NotFound)?;
    let asked = path.into_inner();
    let is_admin = user.is_admin();
    let folder_form = asked.is_empty() || asked.ends_with('/');
    let found = web::block(move || find(&root, &asked, is_admin)).await.map_err(Error::internal)??;
    match found {
        Found::Folder if !folder_form => {
            let location = format!("{}/", req.uri().path());
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, location)).finish())
        }
        Found::Folder => Err(Error::NotFound),
        Found::File(file) => Ok(file.prefer_utf8(true).into_response(&req)),
    }
}

enum Found {
    File(Box<NamedFile>),
    Folder,
}

/// The file that a path names, inside the root whatever the path or a symbolic link says.
fn find(root: &Path, asked: &str, is_admin: bool) -> Result<Found, Error> {
    let root = root.canonicalize().map_err(|_| Error::NotFound)?;
    let named = root.join(relative(asked)?);
    let is_folder = named.is_dir();
    if is_folder && !(asked.is_empty() || asked.ends_with('/')) {
        check(&root, &named, is_admin)?;
        return Ok(Found::Folder);
    }
    let file = if is_folder { named.join(INDEX) } else { named };
    let file = check(&root, &file, is_admin)?;
    if !file.is_file() || (!is_folder && asked.ends_with('/')) {
        return Err(Error::NotFound);
    }
    NamedFile::open(file).map(|file| Found::File(Box::new(file))).map_err(|_| Error::NotFound)
}

/// The path where it really is: inside the root, no hidden part, and not for administrators only.
fn check(root: &Path, path: &Path, is_admin: bool) -> Result<PathBuf, Error> {
    let real = path.canonicalize().map_err(|_| Error::NotFound)?;
    let inside = real.strip_prefix(root).map_err(|_| Error::NotFound)?;
    let admin_only = inside
        .components()
        .next()
        .is_some_and(|first| first.as_os_str().to_string_lossy().eq_ignore_ascii_case(ADMIN_ONLY));
    if admin_only && !is_admin {
        return Err(Error::administrators_only());
    }
    Ok(real)
}

/// The path below the root; one with `..`, hidden parts, empty parts or odd characters names nothing.
fn relative(asked: &str) -> Result<PathBuf, Error> {
    let trimmed = asked.strip_suffix('/').unwrap_or(asked);
    if trimmed.is_empty() {
        return Ok(PathBuf::new());
    }
    let plain = trimmed
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0']));
    let path = PathBuf::from(trimmed);
    let normal = path.components().all(|component| matches!(component, Component::Normal(_)));
    if plain && normal { Ok(path) } else { Err(Error::NotFound) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_plain_paths_below_the_root() {
        for fine in ["", "a.html", "a/b.html", "docs/", "a b.html"] {
            assert!(relative(fine).is_ok(), "{fine}");
        }
        for refused in
            ["..", "../x", "a/../b", "/etc/passwd", "a//b", ".env", "a/.git/config", "a\\b", "C:x", "a\0b"]
        {
            assert!(relative(refused).is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn nothing_leaves_the_root(asked in "[a./\\\\%:\0]{0,12}") {
            if let Ok(path) = relative(&asked) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
