//! Random values for keys and tokens, and the hash under which they are stored.

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// `N` random bytes from the operating system, in hex.
///
/// # Errors
/// [`Error::Internal`] when the operating system has no random numbers.
pub fn random_hex<const N: usize>() -> Result<String, Error> {
    random_bytes::<N>().map(hex::encode)
}

/// `N` random bytes from the operating system, in URL-safe base64 without padding.
///
/// # Errors
/// [`Error::Internal`] when the operating system has no random numbers.
pub fn random_url_safe<const N: usize>() -> Result<String, Error> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    random_bytes::<N>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// `N` random bytes from the operating system.
///
/// # Errors
/// [`Error::Internal`] when the operating system has no random numbers.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// The SHA-256 of a secret, in hex: keys and tokens are stored in this form. A fast hash is enough because they are random
/// and long.
pub fn sha256_hex(content: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(content))
}
