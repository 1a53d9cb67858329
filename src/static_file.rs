//! A file that browsers keep: its content, and the hash by which its address changes with it.

use std::sync::OnceLock;

use crate::{
    compress::{self, Coding},
    crypto::sha256_hex,
};

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
    /// Its path with its version.
    pub href: String,
    brotli: OnceLock<Vec<u8>>,
    gzip: OnceLock<Vec<u8>>,
}

impl StaticFile {
    /// A file with this content.
    pub fn new(name: &'static str, content_type: &'static str, content: Vec<u8>) -> Self {
        let hash = sha256_hex(&content)[..12].to_owned();
        let href = format!("/static/{name}?v={hash}");
        Self { name, content_type, content, hash, href, brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The content as small as it gets: compressed once, when it is asked for first.
    pub fn compressed(&self, coding: Coding) -> &[u8] {
        self.kept(coding).get_or_init(|| compress::smallest(&self.content, coding))
    }

    /// Whether that was done.
    pub fn is_compressed(&self, coding: Coding) -> bool {
        self.kept(coding).get().is_some()
    }

    fn kept(&self, coding: Coding) -> &OnceLock<Vec<u8>> {
        match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
        }
    }
}
