//! Folders and files that only the user of this process may read: the database of SQLite and the secret of the cookies.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use tempfile::NamedTempFile;

const FOLDER_MODE: u32 = 0o700;

/// The rights of the group and of others.
const OTHERS: u32 = 0o077;

/// The folder of a file.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the folder of a file with those above it, as far as they are missing. One that exists stays as it is.
///
/// # Errors
/// When it can't be made.
pub fn make_private_folder_of(file: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder_of(file))
}

/// Makes an empty file, unless there is one already.
///
/// # Errors
/// When it can't be made.
pub fn make_private(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    // Closed before it gets its name: nobody's locks are dropped by that.
    keep(NamedTempFile::new_in(folder_of(path))?, path)
}

/// Makes a file with this content, unless there is one already.
///
/// # Errors
/// When it can't be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut temporary = NamedTempFile::new_in(folder_of(path))?;
    temporary.write_all(content)?;
    keep(temporary, path)
}

/// Gives a temporary file, which only this user may read, its name. Does nothing when another process was quicker.
fn keep(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    match temporary.into_temp_path().persist_noclobber(path) {
        Err(error) if !path.exists() => Err(error.error),
        _ => Ok(()),
    }
}

/// Takes from others the rights to a file, if it exists. One that belongs to another user stays as it is, with a warning.
///
/// # Errors
/// When its mode can't be changed.
pub fn restrict(path: &Path) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(found) if found.is_file() => found.permissions().mode(),
        _ => return Ok(()),
    };
    if mode & OTHERS == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(file = %path.display(), "other users may read this file, and its mode can't be changed");
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn private_files_are_for_this_user_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a/b/file");
        make_private_folder_of(&path).unwrap();
        write_private(&path, b"first").unwrap();
        write_private(&path, b"second").unwrap();
        make_private(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(
            (mode(&path), mode(folder_of(&path)), mode(&folder.path().join("a"))),
            (0o600, 0o700, 0o700)
        );
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        restrict(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        restrict(&folder.path().join("none")).unwrap();
    }
}
