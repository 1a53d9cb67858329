//! Compressing bodies: files with the two codings that all browsers know, pages with the one that takes less time.

use std::io::Write as _;

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// A content coding (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `br` (RFC 7932); browsers ask for it over TLS alone.
    Brotli,
    /// `gzip` (RFC 1952)
    Gzip,
}

/// The level for a page, which is made anew each time. Brotli makes it a twentieth smaller in three times the time.
const PAGE_LEVEL: u32 = 4;

/// The window of Brotli for a file, as a power of two, in bytes.
const WINDOW: i32 = 18;

impl Coding {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// A body in gzip, compressed in little time.
pub fn quickly(body: &[u8]) -> Vec<u8> {
    gzip(body, Compression::new(PAGE_LEVEL))
}

/// A body as small as it gets.
pub fn smallest(body: &[u8], coding: Coding) -> Vec<u8> {
    match coding {
        Coding::Brotli => brotli(body),
        Coding::Gzip => gzip(body, Compression::best()),
    }
}

// Writing into memory does not fail.

fn gzip(body: &[u8], level: Compression) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 3);
    let _ = GzEncoder::new(&mut out, level).write_all(body);
    out
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 3);
    let params = BrotliEncoderParams { lgwin: WINDOW, size_hint: body.len(), ..Default::default() };
    let _ = brotli::CompressorWriter::with_params(&mut out, 4096, &params).write_all(body);
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use proptest::prelude::*;

    fn expanded(body: &[u8], coding: Coding) -> Vec<u8> {
        let mut out = Vec::new();
        match coding {
            Coding::Brotli => brotli::Decompressor::new(body, 4096).read_to_end(&mut out).unwrap(),
            Coding::Gzip => flate2::read::GzDecoder::new(body).read_to_end(&mut out).unwrap(),
        };
        out
    }

    proptest! {
        #[test]
        fn bodies_come_back_whole(body in prop::collection::vec(any::<u8>(), 0..5_000)) {
            prop_assert_eq!(&expanded(&quickly(&body), Coding::Gzip), &body);
            for coding in [Coding::Brotli, Coding::Gzip] {
                prop_assert_eq!(&expanded(&smallest(&body, coding), coding), &body);
            }
        }
    }
}
