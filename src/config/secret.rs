//! The secret that encrypts session cookies.

use std::{collections::HashSet, fmt, fs, path::Path};

use actix_web::cookie::Key;
use sha2::{Digest as _, Sha256, Sha512};

use super::DatabaseUrl;
use crate::files;

/// Least length of a secret, in bytes.
const MIN_BYTES: usize = 64;
/// Least number of different bytes; random hexadecimal digits have 16.
const MIN_DIFFERENT: usize = 8;

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

    /// A key for another purpose, from which the secret can't be found.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(purpose.as_bytes());
        hash.update(self.0.master());
        hash.finalize().into()
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
            (Some(value), _) => {
                let may_hold = format!(
                    "it must have at least {MIN_BYTES} random bytes, such as `openssl rand -hex 64` prints"
                );
                Self::from_text(value).map_err(|wrong| format!("{wrong} (not shown); {may_hold}"))
            }
            (None, DatabaseUrl::Sqlite(path)) => Self::from_file_beside(path),
            (None, DatabaseUrl::Postgres(_)) => Err(format!(
                "is not set; with Postgres it must hold at least {MIN_BYTES} random bytes, the same on every instance, such as `openssl rand -hex 64` prints"
            )),
        }
    }

    /// Hashes the text to a key, so that every byte of it counts: the cookie library uses only the first 64.
    fn from_text(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        if bytes.len() < MIN_BYTES {
            return Err(format!("has {} bytes", bytes.len()));
        }
        if is_guessable(bytes) {
            return Err("has only a few different characters".to_owned());
        }
        Ok(Self(Key::from(&Sha512::digest(bytes))))
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
        let in_file = |wrong| format!("in {} {wrong}; delete the file to make a new one", file.display());
        Self::from_text(&secret).map_err(in_file)
    }
}

/// Whether a text is made of a few characters: nobody has drawn it.
fn is_guessable(bytes: &[u8]) -> bool {
    bytes.iter().collect::<HashSet<_>>().len() < MIN_DIFFERENT
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_of_few_characters_is_refused() {
        for (text, right) in [
            ("a".repeat(64), false),
            ("ab".repeat(40), false),
            ("0110100110010110".repeat(4), false),
            ("changeme".repeat(8), false),
            (format!("{}bcdefg", "a".repeat(80)), false),
            ("0123456789abcdef".repeat(4), true),
            ("31415926535897932384626433832795028841971693993751058209749445923078".to_owned(), true),
            (crate::crypto::random_hex::<64>().unwrap(), true),
        ] {
            assert_eq!(SessionSecret::from_text(&text).is_ok(), right, "{text}");
        }
    }
}
