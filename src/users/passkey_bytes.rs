//! What an authenticator says, byte by byte: that it is all there is, and was said to a page of this site itself. The library that
//! checks the rest reads past both.

use serde::Deserialize;
use serde_cbor_2::{Deserializer, Value};

/// The bytes of authenticator data that are always there: the hash of the host, flags and counter.
const HEAD: usize = 37;
const FLAGS: usize = 32;
/// Attested credential data follows.
const HAS_CREDENTIAL: u8 = 0x40;
/// Extension data follows.
const HAS_EXTENSIONS: u8 = 0x80;
/// The model of the authenticator, before the length of the credential's identifier.
const AAGUID: usize = 16;

/// Whether it was said to a page that is in no frame of another site (Level 3, §7.1 and §7.2: `crossOrigin`, `topOrigin`). Ours are in
/// none.
pub(super) fn is_of_own_page(client_data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Embedding {
        #[serde(rename = "crossOrigin")]
        cross_origin: Option<bool>,
        #[serde(rename = "topOrigin")]
        top_origin: Option<serde::de::IgnoredAny>,
    }
    let read: Result<Embedding, _> = serde_json::from_slice(client_data);
    read.is_ok_and(|embedding| embedding.cross_origin != Some(true) && embedding.top_origin.is_none())
}

/// Whether the authenticator data of a use is well formed (§6.1): no credential, at most extensions, and nothing behind them.
pub(super) fn is_use(data: &[u8]) -> bool {
    let Some((head, rest)) = data.split_at_checked(HEAD) else { return false };
    head[FLAGS] & HAS_CREDENTIAL == 0 && ends_with_extensions(head[FLAGS], rest)
}

/// Whether an attestation object is well formed (§6.5.4): its three members, and in the authenticator data a credential with the parameters
/// that its key has to have (§6.5.1.1), at most extensions, and nothing behind them.
pub(super) fn is_registration(object: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct AttestationObject<'a> {
        fmt: &'a str,
        att_stmt: Value,
        auth_data: &'a [u8],
    }
    let Ok(AttestationObject { fmt, att_stmt, auth_data }) = serde_cbor_2::from_slice(object) else {
        return false;
    };
    let is_statement = match att_stmt {
        Value::Map(statement) => fmt != "none" || statement.is_empty(),
        _ => false,
    };
    is_statement && has_credential(auth_data).unwrap_or(false)
}

fn has_credential(data: &[u8]) -> Option<bool> {
    let (head, rest) = data.split_at_checked(HEAD)?;
    let (length, rest) = rest.get(AAGUID..)?.split_first_chunk()?;
    let (key, rest) = first_item(rest.get(usize::from(u16::from_be_bytes(*length))..)?)?;
    Some(head[FLAGS] & HAS_CREDENTIAL != 0 && is_key(&key) && ends_with_extensions(head[FLAGS], rest))
}

/// Whether a key in COSE has the parameters of its type and no others (RFC 9053 §7, RFC 8230 §4).
fn is_key(key: &Value) -> bool {
    let Value::Map(parameters) = key else { return false };
    let labels: &[i128] = match parameters.get(&Value::Integer(1)) {
        // Octet key pair: curve and x. RSA: modulus and exponent.
        Some(Value::Integer(1 | 3)) => &[-2, -1, 1, 3],
        // Elliptic curve: curve, x and y.
        Some(Value::Integer(2)) => &[-3, -2, -1, 1, 3],
        _ => return false,
    };
    parameters.len() == labels.len()
        && labels.iter().all(|label| parameters.contains_key(&Value::Integer(*label)))
}

fn ends_with_extensions(flags: u8, rest: &[u8]) -> bool {
    if flags & HAS_EXTENSIONS == 0 {
        return rest.is_empty();
    }
    matches!(first_item(rest), Some((Value::Map(_), [])))
}

/// The first item of CBOR, and what comes after it.
fn first_item(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let mut reader = Deserializer::from_slice(bytes);
    let item = Value::deserialize(&mut reader).ok()?;
    Some((item, bytes.get(reader.byte_offset()..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut data = vec![7; HEAD];
        data[FLAGS] = flags;
        data.extend(rest);
        data
    }

    #[test]
    fn authenticator_data_ends_where_its_flags_say() {
        // {"a": 1}
        let extensions = [0xa1, 0x61, 0x61, 0x01];
        assert!(is_use(&data(0x05, &[])));
        assert!(is_use(&data(0x85, &extensions)));
        for wrong in [
            data(0x05, &[0]),
            data(0x05, &extensions),
            data(0x85, &[]),
            data(0x85, &extensions[..3]),
            data(0x85, &[&extensions[..], &[0xa0]].concat()),
            data(0x85, &[0x01]),
            data(0x45, &[]),
            data(0x05, &[])[..HEAD - 1].to_vec(),
        ] {
            assert!(!is_use(&wrong), "{wrong:x?}");
        }
    }

    #[test]
    fn client_data_is_of_a_page_in_no_frame() {
        for own in
            [r#"{}"#, r#"{"crossOrigin":false}"#, r#"{"crossOrigin":null,"topOrigin":null,"other":{}}"#]
        {
            assert!(is_of_own_page(own.as_bytes()), "{own}");
        }
        for framed in [
            r#"{"crossOrigin":true}"#,
            r#"{"crossOrigin":false,"topOrigin":"http://localhost"}"#,
            r#"{"crossOrigin":"false"}"#,
            r#"{"crossOrigin":false,"crossOrigin":true}"#,
            "[]",
            "",
        ] {
            assert!(!is_of_own_page(framed.as_bytes()), "{framed}");
        }
    }

    /// {"fmt": "none", "attStmt": {}, "authData": data}
    fn object(data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"[..], &length, data].concat()
    }

    fn with_key(flags: u8, key: &[u8], behind: &[u8]) -> Vec<u8> {
        object(&data(flags, &[&[7; AAGUID][..], &[0, 2, 8, 9], key, behind].concat()))
    }

    #[test]
    fn attestation_object_has_what_belongs_there_and_no_more() {
        // {1: 2, 3: -7, -1: 1, -2: h'', -3: h''}, and of other types
        let curve = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x40\x22\x40";
        let pair = b"\xa4\x01\x01\x03\x27\x20\x06\x21\x40";
        let rsa = b"\xa4\x01\x03\x03\x39\x01\x00\x20\x40\x21\x43\x01\x00\x01";
        for key in [&curve[..], pair, rsa] {
            assert!(is_registration(&with_key(0x45, key, &[])), "{key:x?}");
        }
        assert!(is_registration(&with_key(0xc5, curve, &[0xa0])));
        let whole = with_key(0x45, curve, &[]);
        // One more parameter: 4.
        let more = [&b"\xa6\x01\x02\x03\x26\x04\x01"[..], &curve[5..]].concat();
        for wrong in [
            with_key(0x45, curve, &[0]),
            with_key(0x45, curve, &[0xa0]),
            with_key(0xc5, curve, &[]),
            with_key(0xc5, curve, &[0xa0, 0]),
            with_key(0x05, curve, &[]),
            with_key(0x45, &more, &[]),
            with_key(0x45, &curve[..4], &[]),
            with_key(0x45, b"\xa0", &[]),
            object(&data(0x45, &[])),
            object(&data(0x45, &[7; 18])),
            [&whole[..], &[0]].concat(),
            whole[..whole.len() - 1].to_vec(),
            [&[0xa4], &whole[1..], b"\x61x\x00"].concat(),
            vec![0xa0],
        ] {
            assert!(!is_registration(&wrong), "{wrong:x?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_of_all_kinds_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (is_use(&bytes), is_registration(&bytes), is_of_own_page(&bytes));
        }
    }
}
