//! The folder `PAGES_DIR`: which of its files a path names, and whether the user may read it.

use std::path::{Component, Path, PathBuf};

use actix_files::NamedFile;

use crate::{error::Error, text};

/// The file that is served for a folder.
const INDEX_FILE: &str = "index.html";
/// The folder below the root for administrators only, in any case.
const ADMIN_FOLDER: &str = "admin";

/// What a path below the root names.
pub(super) enum Found {
    File(Box<NamedFile>),
    Folder,
}

/// Finds what a path names; never outside of the root, whatever the path or a symbolic link contains.
///
/// # Errors
/// [`Error::NotFound`] when there is nothing that is served; [`Error::Forbidden`] for what is for administrators only.
pub(super) fn find(root: &Path, path: &str, is_admin: bool) -> Result<Found, Error> {
    let root = root.canonicalize().map_err(|_| Error::NotFound)?;
    let asked = relative(path)?;
    let is_folder_path = path.is_empty() || path.ends_with('/');
    let found = locate(&root, &asked, is_admin)?;
    if found.is_dir() && !is_folder_path {
        return Ok(Found::Folder);
    }
    let file = match found.is_dir() {
        true => locate(&root, &asked.join(INDEX_FILE), is_admin)?,
        false if path.ends_with('/') => return Err(Error::NotFound),
        false => found,
    };
    if !file.is_file() {
        return Err(Error::NotFound);
    }
    NamedFile::open(file).map(|file| Found::File(Box::new(file))).map_err(|_| Error::NotFound)
}

/// The real path of what is asked for. The path as it is asked and the path that its symbolic links lead to are both held to
/// [`check`].
fn locate(root: &Path, asked: &Path, is_admin: bool) -> Result<PathBuf, Error> {
    check(asked, is_admin)?;
    let real = root.join(asked).canonicalize().map_err(|_| Error::NotFound)?;
    check(real.strip_prefix(root).map_err(|_| Error::NotFound)?, is_admin)?;
    Ok(real)
}

/// Whether a path below the root may be read: nothing hidden, and the folder for administrators only by them. Names count as the
/// most lenient file system takes them.
fn check(path: &Path, is_admin: bool) -> Result<(), Error> {
    let mut names = path.components().map(|part| part.as_os_str().to_string_lossy());
    if !is_admin && names.clone().next().is_some_and(|first| is_admin_folder(&first)) {
        return Err(Error::administrators_only());
    }
    if names.any(|name| is_hidden(&name)) { Err(Error::NotFound) } else { Ok(()) }
}

/// Whether a file system may take the name for that of the folder for administrators: some ignore case and invisible characters
/// (ext4 with casefold, those of macOS), others dots and spaces at the end (vfat).
fn is_admin_folder(name: &str) -> bool {
    text::fold(name).trim_end_matches(['.', ' ']) == ADMIN_FOLDER
}

/// Whether the name is that of a hidden file, or may be another one of it.
fn is_hidden(name: &str) -> bool {
    name.trim_start_matches(text::is_refused).starts_with('.') || is_short_form(name)
}

/// Whether the name has the form under which vfat and NTFS know a file a second time, such as `GIT~1` for `.git`.
fn is_short_form(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let number = stem.rsplit_once('~').map_or("", |(_, number)| number);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && stem.len() <= 8 && extension.len() <= 3
}

/// The path relative to the root; not found when it has `..` or empty parts, or the characters `\`, `:` or NUL.
fn relative(path: &str) -> Result<PathBuf, Error> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if trimmed.is_empty() {
        return Ok(PathBuf::new());
    }
    let is_plain =
        trimmed.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']));
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
        let is_accepted = |path| relative(path).and_then(|path| check(&path, true)).is_ok();
        for accepted in
            ["", "a.html", "a/b.html", "docs/", "a b.html", "admin/x.html", "~ada/x.html", "notes~10.html"]
        {
            assert!(is_accepted(accepted), "{accepted}");
        }
        for refused in [
            "..",
            "../x",
            "a/../b",
            "/etc/passwd",
            "a//b",
            ".env",
            "a/.git/config",
            "\u{200c}.env",
            "GIT~1/config",
            "env~12.txt",
            "a\\b",
            "C:x",
            "a\0b",
        ] {
            assert!(!is_accepted(refused), "{refused}");
        }
    }

    #[test]
    fn pages_admin_folder_is_for_administrators() {
        for path in [
            "admin",
            "Admin/x.html",
            "ADMIN/.x",
            "admin./x",
            "admin /x",
            "ad\u{200c}min/x",
            "ADM\u{131}N. ./x",
        ] {
            assert!(matches!(check(Path::new(path), false), Err(Error::Forbidden(_))), "{path}");
        }
        for path in ["administer.html", "docs/admin/x.html", "admin.html", "admin-2/x.html"] {
            assert!(check(Path::new(path), false).is_ok(), "{path}");
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
