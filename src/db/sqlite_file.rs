//! The file of SQLite: made so that only this user can read it, and checked before the first connection, so that what can never work
//! is said once.
//!
//! Nothing here opens the file while SQLite may have it open: closing it would drop the locks of this process (POSIX).

use std::{io, path::Path};

use rustix::fs::{Access, access};

use crate::{config::SessionSecret, error::Error, files};

/// Makes the file with its folder if it is missing, so that only this user can read it.
///
/// # Errors
/// When it can't be made.
pub(super) fn make(path: &Path) -> io::Result<()> {
    files::make_private_folder_of(path)?;
    files::make_private(path)
}

/// Takes from others the right to read the file and those beside it. For files that SQLite has opened as its own: another file that
/// the operator names by mistake stays as it is.
///
/// # Errors
/// When the mode of one can't be changed.
pub(super) fn restrict(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files::restrict(Path::new(&name))?;
    }
    Ok(())
}

/// Takes from others the right to look into the folder of the file, and to read copies of it there. Once a start, after
/// [`restrict`].
///
/// # Errors
/// When the folder can't be read, or the mode of one can't be changed.
pub(super) fn restrict_folder(path: &Path) -> io::Result<()> {
    files::restrict_folder_of(path, &[SessionSecret::FILE_NAME])
}

/// Checks that SQLite can work with the file.
///
/// # Errors
/// [`Error::Misconfigured`] with the reason.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let refused = |what: &str, error: io::Error| misconfigured(path, &format!("{what}: {error}"));
    make(path).map_err(|error| refused("can't be made", error))?;
    if !path.is_file() {
        return Err(misconfigured(path, "is not a file"));
    }
    access(path, Access::READ_OK | Access::WRITE_OK)
        .map_err(|error| refused("can't be read and written", error.into()))?;
    access(files::folder_of(path), Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| refused("is in a folder in which SQLite can make no files", error.into()))
}

/// What is wrong with the file.
pub(super) fn misconfigured(path: &Path, what: &str) -> Error {
    Error::misconfigured("DATABASE_URL", format!("{} {what}", path.display()))
}
