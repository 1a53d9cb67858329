//! Folders and files that only the user of this process may read: the database of SQLite and the secret of the cookies.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::Mode;
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

/// Leaves others without any right to the files and folders that this process makes from here on.
pub fn keep_new_ones_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Takes from others the rights to the files beside `file` whose names begin with its name, such as copies of it, and to their
/// folder. A folder with anything in it that is not named in `ours` stays as it is, with a warning: others may need that.
///
/// # Errors
/// When the folder can't be read or a mode can't be changed.
pub fn restrict_folder_of(file: &Path, ours: &[&str]) -> io::Result<()> {
    let folder = folder_of(file);
    let name = file.file_name().unwrap_or_default().as_encoded_bytes();
    let mut only_ours = true;
    for entry in fs::read_dir(folder)? {
        let beside = entry?.file_name();
        if beside.as_encoded_bytes().starts_with(name) {
            restrict(&folder.join(beside))?;
        } else {
            only_ours &= ours.iter().any(|own| beside == *own);
        }
    }
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    if only_ours {
        return change_mode(folder, mode);
    }
    tracing::warn!(
        folder = %folder.display(),
        "other users may look into the folder of the database; chmod 700 keeps them out"
    );
    Ok(())
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
    change_mode(path, mode)
}

fn change_mode(path: &Path, mode: u32) -> io::Result<()> {
    match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), "other users may read this, and its mode can't be changed");
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

    #[test]
    fn folder_with_our_files_alone_is_for_this_user_alone() {
        let parent = tempfile::TempDir::new().unwrap();
        let folder = parent.path().join("data");
        let make = |name: &str, rights| {
            let path = folder.join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(rights)).unwrap();
            path
        };
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let database = make("site.db", 0o644);
        let beside = [make("site.db-wal", 0o664), make("site.db.2026-11-26", 0o644)];
        let other = make("notes.txt", 0o644);
        restrict_folder_of(&database, &["secret"]).unwrap();
        assert!(beside.iter().chain([&database]).all(|path| mode(path) == 0o600));
        assert_eq!((mode(&folder), mode(&other)), (0o755, 0o644), "somebody else's file is there");
        fs::remove_file(&other).unwrap();
        make("secret", 0o600);
        restrict_folder_of(&database, &["secret"]).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }
}
