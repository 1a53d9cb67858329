//! The secret that encrypts session cookies.

use std::{fmt, fs, path::Path};

use actix_web::cookie::Key;
use sha2::{Digest as _, Sha256, Sha512};

use super::DatabaseUrl;
use crate::files;

/// Least length of a secret, in bytes.
const MIN_BYTES: usize = 64;
/// A secret of at least 64 bytes; `Debug` does not print it.
#[derive(Clone)]
pub struct SessionSecret(Key);

impl SessionSecret {
    /// The file beside the SQLite database that holds the secret.
    pub const FILE_NAME: &str = "session_secret";

    /// The key for the cookie middleware.
    pub fn cookie_key(&self) -> Key {
        self.0.clone()
    }

    /// Hex SHA-256 of the key of the cookies: differs between secrets without revealing them.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.0.master()))
    }

    /// The given value; without one, on SQLite, the content of the file beside the database, which is created at first use.
    ///
    /// # Errors
    /// What is wrong with the value, or why the file could not be read or written.
    pub(super) fn find(given: Option<&str>, database: &DatabaseUrl) -> Result<Self, String> {
        match (given, database) {
            (Some(value), _) if value.len() >= MIN_BYTES => Ok(Self::from_text(value)),
            (Some(value), _) => Err(format!(
                "has {} bytes (not shown); it must have at least {MIN_BYTES} random ones, such as `openssl rand -hex 64` prints",
                value.len()
            )),
            (None, DatabaseUrl::Sqlite(path)) => Self::from_file_beside(path),
            (None, DatabaseUrl::Postgres(_)) => Err(format!(
                "is not set; with Postgres it must hold at least {MIN_BYTES} random bytes, the same on every instance, such as `openssl rand -hex 64` prints"
            )),
        }
    }

    /// Hashes the text to a key, so that every byte of it counts: the cookie library uses only the first 64.
    fn from_text(text: &str) -> Self {
        Self(Key::from(&Sha512::digest(text.as_bytes())))
    }

    /// Reads the secret from the file beside the database. Instances that create the file at the same time use the same secret.
    fn from_file_beside(database: &Path) -> Result<Self, String> {
        let file = database.with_file_name(Self::FILE_NAME);
        let file_error = |error: std::io::Error| format!("could not be kept in {}: {error}", file.display());
        if !file.exists() {
            files::make_private_folder_of(&file).map_err(file_error)?;
            let secret = crate::crypto::random_hex::<MIN_BYTES>().map_err(|error| error.causes())?;
            files::write_private(&file, secret.as_bytes()).map_err(file_error)?;
        }
        files::restrict(&file).map_err(file_error)?;
        let secret = fs::read_to_string(&file).map_err(file_error)?;
        if secret.len() < MIN_BYTES {
            return Err(format!(
                "in {} has fewer than {MIN_BYTES} bytes; delete the file to make a new one",
                file.display()
            ));
        }
        Ok(Self::from_text(&secret))
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(hidden)")
    }
}
