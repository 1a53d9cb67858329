//! Damage to what an authenticator says, for property tests: bytes that are random, cut, changed or made to mislead a reader of CBOR,
//! and JSON of other types.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

use super::passkey::base64url;

/// What is done to bytes.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Vec<u8>),
    Cut(Index),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    /// What comes after a place comes before it.
    Turn(Index),
}

/// What is done to a field.
#[derive(Debug, Clone)]
enum Change {
    Bytes(Edit),
    Text(String),
    Json(Value),
    Remove,
}

/// What is done to an answer.
#[derive(Debug, Clone)]
pub struct Damage {
    field: Index,
    change: Change,
}

/// Damage of all kinds.
pub fn damage() -> impl Strategy<Value = Damage> {
    let change = prop_oneof![
        12 => edit().prop_map(Change::Bytes),
        1 => any::<String>().prop_map(Change::Text),
        3 => other_json().prop_map(Change::Json),
        1 => Just(Change::Remove),
    ];
    (any::<Index>(), change).prop_map(|(field, change)| Damage { field, change })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        prop_oneof![vec(any::<u8>(), 0..200), cbor()].prop_map(Edit::Replace),
        any::<Index>().prop_map(Edit::Cut),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, 1 << bit)),
        (any::<Index>(), prop_oneof![vec(any::<u8>(), 1..20), cbor()])
            .prop_map(|(at, new)| Edit::Insert(at, new)),
        any::<Index>().prop_map(Edit::Turn),
    ]
}

/// CBOR that is nested deeply, says that it is longer than memory, or never ends (RFC 8949).
fn cbor() -> impl Strategy<Value = Vec<u8>> {
    let starts = prop_oneof![
        Just(0x81_u8), // an array of one
        Just(0x9f),    // an array without an end
        Just(0xbf),    // a map without an end
        Just(0xc0),    // a tag
        Just(0xd8),    // a tag of two bytes
        Just(0x5f),    // bytes in parts
        Just(0x7f),    // text in parts
    ];
    let nested = (starts, 1..20_000_usize).prop_map(|(start, depth)| vec![start; depth]);
    // Bytes, text, array and map with a length of eight bytes.
    let kinds = prop_oneof![Just(0x5b_u8), Just(0x7b), Just(0x9b), Just(0xbb)];
    let long = (kinds, any::<u64>(), vec(any::<u8>(), 0..40))
        .prop_map(|(kind, length, rest)| [&[kind][..], &length.to_be_bytes(), &rest].concat());
    prop_oneof![nested, long]
}

fn other_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        any::<i64>().prop_map(|number| json!(number)),
        Just(json!(1e300)),
        vec(any::<u8>(), 0..9).prop_map(|bytes| json!(bytes)),
        Just(json!({ "a": [] })),
        (1..200_usize).prop_map(|depth| (0..depth).fold(json!([]), |inner, _| json!([inner]))),
    ]
}

impl Damage {
    /// Damages one of these fields, which are pointers into JSON. Returns which one.
    pub fn apply(&self, answer: &mut Value, fields: &[&'static str]) -> &'static str {
        let field = *self.field.get(fields);
        let place = answer.pointer_mut(field).unwrap();
        let before = place.clone();
        match &self.change {
            Change::Bytes(edit) => {
                let text = place.as_str().unwrap();
                let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
                *place = json!(base64url(edit.apply(bytes)));
            }
            Change::Text(text) => *place = json!(text),
            Change::Json(value) => *place = value.clone(),
            Change::Remove => {
                let (object, name) = field.rsplit_once('/').unwrap();
                answer.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name);
                return field;
            }
        }
        if *place == before {
            *place = json!("AAAA");
        }
        field
    }
}

impl Edit {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Replace(new) => bytes.clone_from(new),
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bit;
            }
            Self::Insert(at, new) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Turn(at) => {
                let at = at.index(bytes.len());
                bytes.rotate_left(at);
            }
        }
        bytes
    }
}
