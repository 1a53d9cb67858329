//! The fields of a JSON object as they were sent, doubled ones too. Values are read one by one, so that each mistake is found with
//! its field; how deep they are nested costs nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::sent::Sent;
use crate::error::Error;

/// Reads an object.
///
/// # Errors
/// [`Error::BadRequest`] for anything else. It says where the mistake is and shows nothing of the text, which may be a password.
pub(super) fn read(body: &[u8]) -> Result<Vec<(String, Sent)>, Error> {
    let pairs: Pairs = serde_json::from_slice(body).map_err(|error| {
        Error::BadRequest(if error.is_data() {
            "Send one JSON object with the fields.".to_owned()
        } else {
            format!(
                "The body is not JSON: it can't be read at line {}, column {}.",
                error.line(),
                error.column()
            )
        })
    })?;
    Ok(pairs.0.into_iter().map(|(name, value)| (name, sent(value.get()))).collect())
}

fn sent(value: &str) -> Sent {
    match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value).map_or(Sent::Unreadable, Sent::Text),
        Some(b't') => Sent::Choice(true),
        Some(b'f') => Sent::Choice(false),
        _ => Sent::OtherType,
    }
}

struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_fields_are_read_one_by_one() {
        let body =
            r#" {"a":"x\u00e9","b":true,"b":false,"c":null,"d":[[[1]]],"e":"\ud800","f":"\ud83d\ude00"} "#;
        let names = |pairs: Vec<(String, Sent)>| pairs.into_iter().map(|(name, _)| name).collect::<String>();
        assert_eq!(names(read(body.as_bytes()).unwrap()), "abbcdef");
        let values: Vec<Sent> = read(body.as_bytes()).unwrap().into_iter().map(|(_, value)| value).collect();
        let text = |text: &str| Sent::Text(text.to_owned());
        let (yes, no) = (Sent::Choice(true), Sent::Choice(false));
        assert_eq!(
            values,
            [text("xé"), yes, no, Sent::OtherType, Sent::OtherType, Sent::Unreadable, text("😀")]
        );
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(read(deep.as_bytes()).unwrap()[0].1, Sent::OtherType);
    }

    #[test]
    fn json_that_is_no_object_is_refused_without_showing_it() {
        for body in [
            "",
            "{",
            "{\"a\":}",
            "{\"a\":1,}",
            "[]",
            "\"secret\"",
            "1",
            "null",
            "{}{}",
            "{\"\\ud800\":1}",
            "{\"a\" 1}",
            "\u{feff}{}",
            "[[[[",
        ] {
            let Err(Error::BadRequest(text)) = read(body.as_bytes()) else { panic!("{body}") };
            assert!(!text.contains("secret"), "{text}");
        }
        assert!(read(b"{\"a\":\"\xff\"}").is_err());
        assert!(read("[".repeat(60_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn json_reader_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }

        #[test]
        fn json_text_round_trips(text in "\\PC{0,20}") {
            let body = serde_json::json!({"a": text}).to_string();
            prop_assert_eq!(read(body.as_bytes()).unwrap(), [("a".to_owned(), Sent::Text(text))]);
        }
    }
}
