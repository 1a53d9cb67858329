//! A file that browsers keep: its content, and the hash by which its address changes with it.

use crate::crypto::sha256_hex;

/// A file below `/static/`.
#[derive(Debug)]
pub struct StaticFile {
    /// Its name there.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub content: Vec<u8>,
    /// The first 12 hex digits of the SHA-256 of the content.
    pub hash: String,
}

impl StaticFile {
    /// A file with this content.
    pub fn new(name: &'static str, content_type: &'static str, content: Vec<u8>) -> Self {
        let hash = sha256_hex(&content)[..12].to_owned();
        Self { name, content_type, content, hash }
    }

    /// Its path with its version.
    pub fn href(&self) -> String {
        format!("/static/{}?v={}", self.name, self.hash)
    }
}
