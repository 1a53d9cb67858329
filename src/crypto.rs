//! Random values and hashes of random values.

use sha2::{Digest as _, Sha256};

/// `N` random bytes from the operating system, in hex.
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
}

/// `N` random bytes from the operating system, URL-safe.
pub fn random_url_safe<const N: usize>() -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(random::<N>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random numbers");
    bytes
}

/// Hex SHA-256: how keys and tokens are kept, since they are random and long.
pub fn sha256_hex(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
