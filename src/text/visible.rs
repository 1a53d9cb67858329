//! What of a text can be seen: which characters a text of a person may hold, and how one that holds others is shown.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory as Category, Ideographic},
};

/// Joiners, which scripts such as Persian and Hindi need inside words, and sequences of emoji.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Symbols without ink: the empty Braille pattern and the null notehead.
const BLANK_SYMBOLS: [char; 2] = ['\u{2800}', '\u{1d159}'];

/// What is shown in place of a text of which nothing can be seen.
pub const NOT_VISIBLE: &str = "(not visible)";

/// Why a text of a person can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It holds a character that is invisible, turns the direction of the text or is not assigned.
    Character(char),
    /// Nothing of it can be seen.
    NothingVisible,
}

impl Flaw {
    /// The flaw in a sentence, for the field.
    pub fn message(self) -> String {
        match self {
            Self::Character(c) => format!(
                "This contains a character that can't be seen or changes the direction of the text (U+{:04X}). Remove it.",
                u32::from(c)
            ),
            Self::NothingVisible => {
                "Nothing of this can be seen. Use at least one visible character.".to_owned()
            }
        }
    }
}

/// Checks a text that others will read; an empty one is fine.
///
/// # Errors
/// The first flaw.
pub fn check(text: &str) -> Result<(), Flaw> {
    match unsafe_characters(text).next() {
        Some((_, c)) => Err(Flaw::Character(c)),
        None if !text.is_empty() && !has_ink(text) => Err(Flaw::NothingVisible),
        None => Ok(()),
    }
}

/// A text of a person as it can be shown among others: without characters that [`check`] refuses, and with `fallback` in place of
/// one of which nothing can be seen.
pub fn shown(text: &str, fallback: &str) -> String {
    let mut rest = text;
    let mut safe = String::with_capacity(text.len());
    while let Some((at, c)) = unsafe_characters(rest).next() {
        safe.push_str(&rest[..at]);
        rest = &rest[at + c.len_utf8()..];
    }
    safe.push_str(rest);
    if has_ink(&safe) { safe } else { fallback.to_owned() }
}

/// The text for a terminal: what [`check`] refuses is written as an escape such as `\u{202e}`.
pub fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut refused = unsafe_characters(text).peekable();
    for (at, c) in text.char_indices() {
        if refused.next_if(|(refused_at, _)| *refused_at == at).is_some() {
            result.extend(c.escape_unicode());
        } else {
            result.push(c);
        }
    }
    result
}

/// The characters that can't be seen or are refused otherwise, with their positions. A joiner is fine between two characters of a
/// word, a variation selector after a character that has variants.
fn unsafe_characters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let in_word = |c: char| !c.is_whitespace() && !is_refused(c);
    text.char_indices().filter(move |(at, c)| {
        let before = text[..*at].chars().next_back();
        if is_variation_selector(*c) {
            return !before.is_some_and(has_variants);
        }
        if !JOINERS.contains(c) {
            return is_refused(*c);
        }
        let after = text[at + c.len_utf8()..].chars().next();
        !(before.is_some_and(in_word) && after.is_some_and(in_word))
    })
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a variation selector makes a difference after the character: emoji, ideographs, Mongolian letters.
fn has_variants(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
        || CodePointSetData::new::<Ideographic>().contains(c)
        || ('\u{1820}'..='\u{18aa}').contains(&c)
}

/// Whether the character can't be seen, or is a control, a format, a line separator, private or not assigned.
pub fn is_refused(c: char) -> bool {
    let ignored = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let is_blank = BLANK_SYMBOLS.contains(&c) || ignored.contains(c) && !is_variation_selector(c);
    is_blank
        || matches!(
            CodePointMapData::<Category>::new().get(c),
            Category::Control
                | Category::Format
                | Category::Unassigned
                | Category::PrivateUse
                | Category::Surrogate
                | Category::LineSeparator
                | Category::ParagraphSeparator
        )
}

/// Whether any character can be seen: a letter, digit, punctuation mark or symbol that has a shape of its own.
fn has_ink(text: &str) -> bool {
    let categories = CodePointMapData::<Category>::new();
    let is_mark_or_space = |c: char| {
        matches!(
            categories.get(c),
            Category::SpaceSeparator
                | Category::NonspacingMark
                | Category::EnclosingMark
                | Category::SpacingMark
        )
    };
    let has_shape = |c: char| !is_refused(c) && !is_mark_or_space(c);
    text.chars().any(has_shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVISIBLE: [&str; 16] = [
        "\u{200b}",
        "\u{2800}",
        "\u{3164}",
        "\u{ad}",
        "\u{e0041}",
        "\u{202e}",
        "\u{115f}\u{1160}",
        "\u{ffa0}",
        "\u{a0}",
        "\u{2028}",
        "\u{e000}",
        "\u{10ffff}",
        "\u{378}",
        "\u{200d}",
        "\u{301}",
        "\u{2066}\u{2069}",
    ];

    #[test]
    fn text_without_anything_visible_refused_and_replaced() {
        for text in INVISIBLE {
            assert!(check(text).is_err(), "{text:?}");
            assert_eq!(shown(text, "(nothing)"), "(nothing)", "{text:?}");
        }
    }

    #[test]
    fn text_with_direction_or_format_characters_refused_and_cleaned() {
        for (text, cleaned) in [
            ("Ada\u{202e}ecalevoL", "AdaecalevoL"),
            ("Ada\u{200b}Lovelace", "AdaLovelace"),
            ("\u{feff}Ada", "Ada"),
            ("Ada\u{200d}", "Ada"),
            ("Ada \u{200d}Lovelace", "Ada Lovelace"),
            ("A\u{1b}[31md\na", "A[31mda"),
            ("Eve\u{3164}", "Eve"),
            ("E\u{2800}ve", "Eve"),
            ("Eve\u{fe0f}", "Eve"),
            ("E\u{34f}ve", "Eve"),
        ] {
            assert!(matches!(check(text), Err(Flaw::Character(_))), "{text:?}");
            assert_eq!(shown(text, "(nothing)"), cleaned);
        }
    }

    #[test]
    fn text_of_people_taken() {
        for text in [
            "",
            "Ada",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "O’Brien",
            "李小龍",
            "葛\u{e0100}飾",
            "e\u{301}",
            "!",
        ] {
            assert_eq!(check(text), Ok(()), "{text:?}");
            assert_eq!(shown(text, ""), text);
        }
    }

    #[test]
    fn text_for_terminal_is_escaped() {
        assert_eq!(escaped("Ada \u{1b}[31m\u{202e}x\u{9b}"), "Ada \\u{1b}[31m\\u{202e}x\\u{9b}");
        assert_eq!(escaped("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }

    proptest! {
        #[test]
        fn text_shown_can_be_taken(text in ".*") {
            prop_assert_eq!(check(&shown(&text, "x")), Ok(()));
            prop_assert!(unsafe_characters(&escaped(&text)).next().is_none());
        }
    }
}
