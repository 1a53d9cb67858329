//! Finds the blank line that ends the head of a request (RFC 9112 §2.1), in bytes that arrive piece by piece.

use memchr::memchr;

/// What the bytes so far end with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum BlankLine {
    /// Nothing but line breaks, which a server skips before a request (RFC 9112 §2.2).
    #[default]
    Start,
    /// A line that has not ended.
    InLine,
    /// `\n`.
    LineEnd,
    /// `\n\r`.
    LineEndCr,
}

impl BlankLine {
    /// Looks at the next bytes. Returns how many of them come up to the end of the blank line, with it, and is at the start
    /// again; `None` when it is not among them.
    pub(super) fn end_in(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..)?;
            let next = *rest.first()?;
            *self = match (*self, next) {
                (Self::Start, b'\r' | b'\n') => Self::Start,
                (Self::LineEnd, b'\r') => Self::LineEndCr,
                (Self::LineEnd | Self::LineEndCr, b'\n') => {
                    *self = Self::Start;
                    return Some(at + 1);
                }
                _ => {
                    *self = Self::InLine;
                    at += memchr(b'\n', rest)?;
                    Self::LineEnd
                }
            };
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blank_line_ends_a_head() {
        for (bytes, end) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"[..], Some(27)),
            (b"GET / HTTP/1.0\n\nrest", Some(16)),
            (b"GET / HTTP/1.0\n\r\n", Some(17)),
            (b"\r\n\n\r\nGET / HTTP/1.0\r\n\r\n", Some(23)),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", None),
            (b"GET / HTTP/1.1\r\n\rHost: a\r\n\r", None),
            (b"\r\n\r\n", None),
            (b"", None),
        ] {
            assert_eq!(BlankLine::default().end_in(bytes), end, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn blank_line_is_found_in_pieces_as_in_the_whole(
            text in "[a\r\n]{0,24}",
            cut in 0_usize..24,
        ) {
            let bytes = text.as_bytes();
            let whole = BlankLine::default().end_in(bytes);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut search = BlankLine::default();
            let pieces = search.end_in(first).or_else(|| Some(first.len() + search.end_in(second)?));
            prop_assert_eq!(pieces, whole);
        }
    }
}
