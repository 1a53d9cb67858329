//! Folding: texts that differ in case, in the way their characters are composed or in invisible characters become equal. Only
//! this function folds: the databases' own functions depend on locale and encoding, and disagree with it.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

/// The dot above, which Turkish writes on a capital I.
const DOT_ABOVE: char = '\u{307}';

/// The text as it is compared in searches: a compatibility caseless match (Unicode Standard, D146) that also ignores invisible
/// characters, and in which the dotted and the dotless i of Turkish are one letter.
///
/// The result is decomposed: a letter is found without the accents that follow it in the name.
pub fn fold(text: &str) -> String {
    // Case folding can yield characters that decompose further, and those can fold again.
    fold_once(&fold_once(text))
}

/// The text with its characters in their plain forms (NFKC), and with the dots that browsers take for those of host names (RFC 3490
/// §3.1) as dots.
pub fn plain_forms(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text).replace('\u{3002}', ".")
}

fn fold_once(text: &str) -> String {
    let ignored = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let decompose = DecomposingNormalizerBorrowed::new_nfkd();
    let visible: String = text.chars().filter(|c| !ignored.contains(*c)).collect();
    let folded = CaseMapper::new().fold_string(&decompose.normalize(&visible)).into_owned();
    let mut result = String::with_capacity(folded.len());
    for c in decompose.normalize(&folded).chars() {
        match c {
            'ı' => result.push('i'),
            DOT_ABOVE if result.ends_with('i') => {}
            _ if ignored.contains(c) => {}
            _ => result.push(c),
        }
    }
    result
}

/// A text to search for, folded. It is never empty: everything contains the empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchKey(String);

impl SearchKey {
    /// The key of a text as typed; `None` when nothing of it is visible.
    pub fn new(typed: &str) -> Option<Self> {
        let key = fold(typed);
        (!key.trim().is_empty()).then_some(Self(key))
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fold_joins_case_composition_and_width() {
        for (one, other) in [
            ("Émile", "E\u{301}MILE"),
            ("Øyvind", "øYVIND"),
            ("İstanbul", "istanbul"),
            ("İSTANBUL", "i\u{307}stanbul"),
            ("Ilgaz", "ılgaz"),
            ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
            ("Straße", "STRASSE"),
            ("Ｗｉｄｅ", "wide"),
            ("Ada\u{ad}Lovelace", "ada\u{200b}lovelace"),
            ("ﬁn", "FIN"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in [("Emile", "Émile"), ("Øyvind", "Oyvind"), ("Müller", "Mueller")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn fold_of_letters_with_mappings_is_idempotent() {
        for c in ('\0'..='\u{33ff}')
            .chain('\u{a640}'..='\u{abff}')
            .chain('\u{f900}'..='\u{105ff}')
            .chain('\u{1d400}'..='\u{1f2ff}')
        {
            let folded = fold(&c.to_string());
            assert_eq!(fold(&folded), folded, "{c:?}");
        }
    }

    #[test]
    fn search_key_of_nothing_visible_is_none() {
        for nothing in ["", " ", "\u{200b}", "\u{ad}\u{a0}", "\u{3164}"] {
            assert_eq!(SearchKey::new(nothing), None, "{nothing:?}");
        }
    }

    proptest! {
        #[test]
        fn fold_is_idempotent(text in ".*") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn search_key_of_a_name_in_any_case_finds_it(name in r"[\p{L}\p{N}' -]{1,40}") {
            for typed in [name.to_lowercase(), name.to_uppercase(), name.clone()] {
                if let Some(key) = SearchKey::new(&typed) {
                    prop_assert!(fold(&name).contains(key.as_str()), "{typed}");
                }
            }
        }

        #[test]
        fn search_key_of_whole_words_finds_the_name(words in proptest::collection::vec(r"\p{L}{1,9}", 1..4), at in 0usize..4) {
            let name = words.join(" ");
            if let Some(key) = SearchKey::new(&words[at % words.len()]) {
                prop_assert!(fold(&name).contains(key.as_str()));
            }
        }
    }
}
