//! The coding of pages that clients ask for.

use std::io::Read as _;

use anyhow::Result;
use flate2::read::GzDecoder;

/// What clients accept, and then get.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gzip,
}

impl Coding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
        }
    }

    /// The body as it was.
    pub fn decode(self, body: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        match self {
            Self::Gzip => GzDecoder::new(body).read_to_end(&mut plain)?,
        };
        Ok(plain)
    }
}
