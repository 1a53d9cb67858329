//! The position in a list at which a page starts (keyset pagination).

use std::fmt;

use diesel::Queryable;
use time::{OffsetDateTime, PrimitiveDateTime};

/// The position right after one session in a list. Written as text: microseconds since 1970, a dot, the session's id.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Cursor {
    at: PrimitiveDateTime,
    id: String,
}

impl Cursor {
    /// The position after the session with this public id. `at`: the time by which the list orders the session.
    pub fn new(at: PrimitiveDateTime, id: String) -> Self {
        Self { at, id }
    }

    /// The public id of the session.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The time by which the list orders the session.
    pub fn at(&self) -> PrimitiveDateTime {
        self.at
    }

    /// Parses what [`Cursor`]'s `Display` writes; `None` when the text is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        let micros = micros.parse::<i64>().ok().filter(|micros| (0..YEAR_10000).contains(micros))?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
        let at = PrimitiveDateTime::new(at.date(), at.time());
        is_session_id(id).then(|| Self { at, id: id.to_owned() })
    }
}

/// Microseconds from 1970 to the year 10000. Both databases can store all times before it.
const YEAR_10000: i64 = 253_402_300_800_000_000;

/// Whether a text from a URL has the form of a session id. Postgres fails on texts with a NUL byte, for example.
pub fn is_session_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.assume_utc().unix_timestamp_nanos() / 1_000;
        write!(f, "{micros}.{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursor_round_trips(micros in 0i64..4_102_444_800_000_000, id in "[A-Za-z0-9_-]{22}") {
            let text = format!("{micros}.{id}");
            prop_assert_eq!(Cursor::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn cursor_parse_never_panics(text in ".{0,80}") {
            let _ = Cursor::parse(&text);
        }
    }
}
