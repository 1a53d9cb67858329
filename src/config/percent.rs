//! Percent escapes in URLs (RFC 3986 §2.1), read strictly: what is no escape is refused rather than taken as it stands.

/// What is wrong with an escape.
pub(super) const BAD_ESCAPE: &str =
    "a % is not followed by two hexadecimal digits; a % that is meant as it stands is written %25";

/// The bytes of a part of a URL.
///
/// # Errors
/// [`BAD_ESCAPE`]; also an escaped NUL, which no setting can hold.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let digits = rest.get(..2).ok_or(BAD_ESCAPE)?;
            let mut decoded = [0];
            hex::decode_to_slice(digits, &mut decoded).map_err(|_| BAD_ESCAPE)?;
            if decoded == [0] {
                return Err("%00 stands for a character that it can't hold");
            }
            bytes.extend(decoded);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    Ok(bytes)
}

/// [`decode`] as text; what is not UTF-8 is replaced.
pub(super) fn decode_lossy(text: &str) -> Result<String, &'static str> {
    decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_are_read_strictly() {
        assert_eq!(decode_lossy("p%40ss%2fw%C3%A9").unwrap(), "p@ss/wé");
        for bad in ["%", "%4", "%zz", "a%4g", "100%", "%00", "%é"] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
