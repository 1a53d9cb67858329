//! The secrets that encrypt session cookies.

use std::{collections::HashSet, fmt, fs, path::Path};

use actix_web::cookie::Key;
use sha2::{Digest as _, Sha256, Sha512};

use super::DatabaseUrl;
use crate::files;

/// Least length of a secret, in bytes.
pub(super) const MIN_BYTES: usize = 64;
/// Least number of bytes that don't follow from those before them. 64 random hexadecimal digits have some 52.
const MIN_UNFORESEEN: usize = 24;
/// What stands in examples, in any case; 64 random letters have one of them in less than one of a million secrets.
const PLACEHOLDERS: [&str; 6] = ["change", "secret", "example", "password", "replace", "insert"];

/// The secrets, each of at least 64 bytes, newest first; `Debug` does not print them.
#[derive(Clone)]
pub struct SessionSecret {
    newest: Key,
    older: Vec<Key>,
}

impl SessionSecret {
    /// The file beside the SQLite database that holds the secret.
    pub const FILE_NAME: &str = "session_secret";

    /// The key that cookies are made with.
    pub fn cookie_key(&self) -> Key {
        self.newest.clone()
    }

    /// The keys that cookies may have been made with before.
    pub fn older_cookie_keys(&self) -> &[Key] {
        &self.older
    }

    /// A key for another purpose, from which the secret can't be found.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        derived(&self.newest, purpose)
    }

    /// The same of all secrets, newest first.
    pub fn all_derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        std::iter::once(&self.newest).chain(&self.older).map(|key| derived(key, purpose)).collect()
    }

    /// Hex SHA-256 of the keys of the cookies, newest first: they differ between secrets without revealing them.
    pub fn fingerprints(&self) -> Vec<String> {
        let keys = std::iter::once(&self.newest).chain(&self.older);
        keys.map(|key| hex::encode(Sha256::digest(key.master()))).collect()
    }

    /// The given value: secrets, newest first, with commas between them. Without one, on SQLite, the content of the file beside the
    /// database, which is created at first use.
    ///
    /// # Errors
    /// What is wrong with the value, or why the file could not be read or written.
    pub(super) fn find(given: Option<&str>, database: &DatabaseUrl) -> Result<Self, String> {
        match (given, database) {
            (Some(value), _) => {
                let may_hold = format!(
                    "it must have at least {MIN_BYTES} random bytes, such as `openssl rand -hex 64` prints; \
                     commas stand between several secrets, the newest first"
                );
                Self::from_list(value).map_err(|wrong| format!("{wrong} (not shown); {may_hold}"))
            }
            (None, DatabaseUrl::Sqlite(path)) => Self::from_file_beside(path),
            (None, DatabaseUrl::Postgres(_)) => Err(format!(
                "is not set; with Postgres it must hold at least {MIN_BYTES} random bytes, the same on every instance, such as `openssl rand -hex 64` prints"
            )),
        }
    }

    fn from_list(list: &str) -> Result<Self, String> {
        let texts: Vec<&str> = list.split(',').map(str::trim).collect();
        let is_one = texts.len() == 1;
        let keys = texts.iter().zip(1..).map(|(text, number)| {
            key(text).map_err(|wrong| if is_one { wrong } else { format!("{wrong} in secret {number}") })
        });
        let keys = keys.collect::<Result<Vec<Key>, String>>()?;
        if let Some((first, second)) = same(&keys) {
            return Err(format!("has the same secret at places {first} and {second}"));
        }
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or("is empty")?;
        Ok(Self { newest, older: keys.collect() })
    }

    /// Reads the secret from the file beside the database. Instances that create the file at the same time use the same secret.
    fn from_file_beside(database: &Path) -> Result<Self, String> {
        let file = database.with_file_name(Self::FILE_NAME);
        let file_error = |error: std::io::Error| {
            let (file, folder) = (file.display(), files::folder_of(&file).display().to_string());
            format!(
                "can't be kept in {file} ({error}): {folder} has to be a folder that this user may write to; DATABASE_URL can name another"
            )
        };
        if !file.exists() {
            files::make_private_folder_of(&file).map_err(file_error)?;
            let secret = crate::crypto::random_hex::<MIN_BYTES>().map_err(|error| error.causes())?;
            files::write_private(&file, secret.as_bytes()).map_err(file_error)?;
        }
        files::restrict(&file).map_err(file_error)?;
        let secret = fs::read_to_string(&file).map_err(file_error)?;
        let in_file = |wrong| format!("in {} {wrong}; delete the file to make a new one", file.display());
        Ok(Self { newest: key(&secret).map_err(in_file)?, older: Vec::new() })
    }
}

fn derived(key: &Key, purpose: &str) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(purpose.as_bytes());
    hash.update(key.master());
    hash.finalize().into()
}

/// The key of a text that is fit for one.
///
/// # Errors
/// What is wrong with it, without the text.
pub(super) fn key(text: &str) -> Result<Key, String> {
    let bytes = text.as_bytes();
    if bytes.len() < MIN_BYTES {
        return Err(format!("has {} bytes", bytes.len()));
    }
    let lower = text.to_ascii_lowercase();
    if let Some(word) = PLACEHOLDERS.iter().find(|word| lower.contains(*word)) {
        return Err(format!("has the word \"{word}\", as examples do,"));
    }
    if unforeseen(bytes) < MIN_UNFORESEEN {
        return Err("has few different characters, or repeats itself,".to_owned());
    }
    Ok(hashed(text))
}

/// The places, counted from 1, of two keys in a list that are the same.
pub(super) fn same(keys: &[Key]) -> Option<(usize, usize)> {
    keys.iter().enumerate().find_map(|(at, key)| {
        let first = keys[..at].iter().position(|other| other == key)?;
        Some((first + 1, at + 1))
    })
}

/// A text as a key. It is hashed, so that every byte of it counts: the cookie library uses only the first 64.
pub(super) fn hashed(text: &str) -> Key {
    Key::from(&Sha512::digest(text.as_bytes()))
}

/// How many bytes don't follow from those before them: they neither repeat or count on the last one, nor end three bytes that
/// have stood there before.
fn unforeseen(bytes: &[u8]) -> usize {
    let mut seen = HashSet::new();
    let is_new = |window: &&[u8]| seen.insert(window.to_vec()) && window[2].abs_diff(window[1]) > 1;
    bytes.windows(3).filter(is_new).count()
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> String {
        crate::crypto::random_hex::<64>().unwrap()
    }

    #[test]
    fn secret_that_nobody_has_drawn_is_refused() {
        for text in [
            "a".repeat(64),
            "ab".repeat(40),
            "0110100110010110".repeat(4),
            "changeme".repeat(8),
            format!("{}bcdefg", "a".repeat(80)),
            format!("{}1234567", "0".repeat(57)),
            "abcdefgh".repeat(8),
            "0123456789abcdef".repeat(4),
            "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./".to_owned(),
            format!("{}xyz123", "password".repeat(8)),
            "please-change-this-secret-please-change-this-secret-please-change".to_owned(),
            format!("CHANGEME-{}", random()),
            random()[..63].to_owned(),
            String::new(),
        ] {
            assert!(SessionSecret::from_list(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn secret_that_was_drawn_is_taken() {
        let pi = "31415926535897932384626433832795028841971693993751058209749445923078";
        let letters = "uvZ1nQk7Ww2yqf4cJxT9sLhPz0aRb3dEgMiNoYtKlXjCv8H5mDpOeIS6rBFAUG/+";
        SessionSecret::from_list(pi).unwrap();
        SessionSecret::from_list(letters).unwrap();
        for _ in 0..1_000 {
            // 64 hexadecimal digits are the shortest secret that is drawn with one of the usual tools.
            SessionSecret::from_list(&crate::crypto::random_hex::<32>().unwrap()).unwrap();
        }
    }

    #[test]
    fn secrets_are_a_list_newest_first() {
        let (new, old) = (random(), random());
        let both = SessionSecret::from_list(&format!("{new}, {old}")).unwrap();
        let alone = |text: &str| SessionSecret::from_list(text).unwrap();
        assert_eq!(both.fingerprints(), [alone(&new).fingerprints(), alone(&old).fingerprints()].concat());
        assert!(both.cookie_key() == alone(&new).cookie_key());
        assert!(both.older_cookie_keys() == [alone(&old).cookie_key()]);
        assert_eq!(both.derived("x"), alone(&new).derived("x"));
        for wrong in [format!("{new},"), format!(",{new}"), format!("{new},short"), format!("{new},,{old}")] {
            let mistake = SessionSecret::from_list(&wrong).unwrap_err();
            assert!(mistake.contains("in secret ") && !mistake.contains(&new), "{mistake}");
        }
    }

    #[test]
    fn secret_that_is_there_twice_is_refused() {
        let (new, old) = (random(), random());
        for (list, places) in [
            (format!("{new},{new}"), "1 and 2"),
            (format!("{new},{old}, {old}"), "2 and 3"),
            (format!("{new},{old},{new}"), "1 and 3"),
        ] {
            let mistake = SessionSecret::from_list(&list).unwrap_err();
            assert_eq!(mistake, format!("has the same secret at places {places}"));
        }
    }
}
