//! The secret that encrypts session cookies.

use std::{fmt, fs, io::Write as _, path::Path};

use actix_web::cookie::Key;
use sha2::{Digest as _, Sha256, Sha512};

use super::DatabaseUrl;

const LEAST_BYTES: usize = 64;
const FILE: &str = "session_secret";

/// At least 64 bytes; never printed.
#[derive(Clone)]
pub struct SessionSecret(Key);

impl SessionSecret {
    /// The key for the cookie middleware.
    pub fn cookie_key(&self) -> Key {
        self.0.clone()
    }

    /// Hex SHA-256 of what cookies are encrypted with: tells secrets apart and gives none away.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.0.master()))
    }

    /// The given value; without one, on SQLite, the one kept beside the database, made at first use.
    ///
    /// # Errors
    /// What is wrong with the value, or why the file could not be read or written.
    pub(super) fn find(given: Option<&str>, database: &DatabaseUrl) -> Result<Self, String> {
        match (given, database) {
            (Some(value), _) if value.len() >= LEAST_BYTES => Ok(Self::from_text(value)),
            (Some(value), _) => Err(format!(
                "has {} bytes (not shown); it must have at least {LEAST_BYTES} random ones, such as `openssl rand -hex 64` prints",
                value.len()
            )),
            (None, DatabaseUrl::Sqlite(path)) => Self::kept_beside(path),
            (None, DatabaseUrl::Postgres(_)) => Err(format!(
                "is not set; with Postgres it must hold at least {LEAST_BYTES} random bytes, the same on every instance, such as `openssl rand -hex 64` prints"
            )),
        }
    }

    /// Every byte counts: the cookie library alone would use the first 64.
    fn from_text(text: &str) -> Self {
        Self(Key::from(&Sha512::digest(text.as_bytes())))
    }

    fn kept_beside(database: &Path) -> Result<Self, String> {
        let file = database.with_file_name(FILE);
        let complain = |error: std::io::Error| format!("could not be kept in {}: {error}", file.display());
        if !file.exists() {
            let folder = file.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).map_err(complain)?;
            let secret = crate::crypto::random_hex::<LEAST_BYTES>();
            let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(complain)?;
            draft.write_all(secret.as_bytes()).map_err(complain)?;
            if let Err(error) = draft.persist_noclobber(&file)
                && !file.exists()
            {
                return Err(complain(error.error));
            }
        }
        let secret = fs::read_to_string(&file).map_err(complain)?;
        if secret.len() < LEAST_BYTES {
            return Err(format!(
                "in {} has fewer than {LEAST_BYTES} bytes; delete the file to make a new one",
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
