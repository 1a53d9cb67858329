//! Random values for keys and tokens, and the hash under which they are stored.

use sha2::{Digest as _, Sha256};

/// `N` random bytes from the operating system, in hex.
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
}

/// `N` random bytes from the operating system, in URL-safe base64 without padding.
pub fn random_url_safe<const N: usize>() -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(random::<N>())
}

/// Random bytes.
///
/// # Panics
/// When the operating system has no random numbers; no session or token could be made then.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random numbers");
    bytes
}

/// The SHA-256 of a secret, in hex: keys and tokens are stored in this form. A fast hash is enough because they are random
/// and long.
pub fn sha256_hex(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
