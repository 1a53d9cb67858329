//! Where in the log a reader is, as text that it keeps.

use std::{fmt, str::FromStr};

/// Where a reader goes on. It names the last event that the reader was told with its time, so that another log, such as one that was
/// restored from a backup, is not taken for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The reader was told all that can ever be found up to this event.
    pub(super) settled: i64,
    /// The last event that it was told; 0: the log was empty.
    pub(super) last: i64,
    /// When that happened, in microseconds since 1970.
    pub(super) at: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.settled, self.last, self.at)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| is_plain)
        };
        let numbers: Option<Vec<i64>> = text.splitn(4, '-').map(number).collect();
        match numbers.as_deref() {
            Some(&[settled, last, at]) if settled <= last => Ok(Self { settled, last, at }),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn position_is_three_numbers() {
        for text in [
            "",
            "7",
            "7-8",
            "7-8-9-",
            "7-8-9-10",
            "8-7-9",
            "-7-8-9",
            "+7-8-9",
            "7-8-x",
            "7- 8-9",
            "7-8-99999999999999999999",
        ] {
            assert_eq!(text.parse::<Position>(), Err(()), "{text}");
        }
        assert_eq!("7-8-9".parse(), Ok(Position { settled: 7, last: 8, at: 9 }));
    }

    proptest! {
        #[test]
        fn position_is_read_again(settled in 0..i64::MAX, more in 0..1_000_i64, at in 0..i64::MAX) {
            let position = Position { settled, last: settled.saturating_add(more), at };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn position_of_any_text_is_harmless(text in "\\PC{0,40}|[0-9-]{0,40}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert!(position.settled >= 0 && position.last >= position.settled);
            }
        }
    }
}
