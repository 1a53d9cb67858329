//! Compressing bodies, with the two codings that all browsers know.

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

/// How hard is tried: for a page, which is made anew each time, and for a file, which is compressed once.
const PAGE: (i32, u32) = (4, 5);
const FILE: (i32, u32) = (11, 9);

/// The window of Brotli, as a power of two, in bytes: larger than most pages.
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

/// A body compressed in little time.
pub fn quickly(body: &[u8], coding: Coding) -> Vec<u8> {
    compressed(body, coding, PAGE)
}

/// A body as small as it gets.
pub fn smallest(body: &[u8], coding: Coding) -> Vec<u8> {
    compressed(body, coding, FILE)
}

fn compressed(body: &[u8], coding: Coding, (quality, level): (i32, u32)) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 3);
    // Writing into memory does not fail.
    match coding {
        Coding::Brotli => {
            let params =
                BrotliEncoderParams { quality, lgwin: WINDOW, size_hint: body.len(), ..Default::default() };
            let mut writer = brotli::CompressorWriter::with_params(&mut out, 4096, &params);
            let _ = writer.write_all(body);
        }
        Coding::Gzip => {
            let mut writer = GzEncoder::new(&mut out, Compression::new(level));
            let _ = writer.write_all(body);
        }
    }
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
            for coding in [Coding::Brotli, Coding::Gzip] {
                prop_assert_eq!(&expanded(&quickly(&body, coding), coding), &body);
                prop_assert_eq!(&expanded(&smallest(&body, coding), coding), &body);
            }
        }
    }
}
