//! Passwords as they are compared (RFC 8265, OpaqueString): keyboards compose the same characters in different ways.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{CodePointMapData, props::GeneralCategory};

/// The password with every space as U+0020 and its characters composed (NFC). Nothing else changes: case and invisible characters
/// count.
pub fn opaque_string(password: &str) -> String {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_space = |c: char| !c.is_ascii() && categories.get(c) == GeneralCategory::SpaceSeparator;
    let spaced: String = password.chars().map(|c| if is_space(c) { ' ' } else { c }).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn opaque_string_composes_and_unifies_spaces() {
        for (typed, opaque) in [
            ("cafe\u{301}-Ho\u{308}lle", "café-Hölle"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("a\u{a0}b\u{3000}c\u{2009}d e", "a b c d e"),
            (" Tab\tkept ", " Tab\tkept "),
            ("ﬁ\u{200b}Ａ", "ﬁ\u{200b}Ａ"),
        ] {
            assert_eq!(opaque_string(typed), opaque, "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn opaque_string_is_idempotent(password in ".*") {
            let opaque = opaque_string(&password);
            prop_assert_eq!(opaque_string(&opaque), opaque);
        }

        #[test]
        fn opaque_string_keeps_ascii(password in "[ -~]*") {
            prop_assert_eq!(opaque_string(&password), password);
        }
    }
}
