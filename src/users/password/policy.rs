//! The rules for new passwords (NIST SP 800-63B-4 §3.1.1, ASVS 6.2).

use std::iter;

use super::strength;
use crate::{
    breached::BreachedPasswords,
    error::Error,
    text::{fold, opaque_string},
};

/// Longest password, in code points.
const MAX_LENGTH: usize = 128;

/// Least estimated number of guesses for a new password: 10^8, which is five below the threshold of zxcvbn's score 3. Eight
/// random characters, the shortest password that may be allowed, are estimated at just over 10^8 and would miss the score.
const MIN_GUESSES: u64 = 100_000_000;

/// Most words of a user's name and address that are looked for.
const MAX_PERSONAL_WORDS: usize = 64;

/// The rules for new passwords. There are none about what they are composed of.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `PASSWORD_MIN_LENGTH`: code points of the form in which passwords are compared.
    pub min_length: usize,
    /// `BREACHED_PASSWORDS`: those that are known (ASVS 6.2.12).
    pub breached: Option<BreachedPasswords>,
}

impl Policy {
    /// Why a new password is refused for its length, or `None`. Costs next to nothing.
    pub fn length_flaw(&self, password: &str) -> Option<String> {
        let length = opaque_string(password).chars().count();
        let min_length = self.min_length;
        if length < min_length {
            return Some(format!("Use at least {min_length} characters; this has {length}."));
        }
        (length > MAX_LENGTH).then(|| format!("Use at most {MAX_LENGTH} characters; this has {length}."))
    }

    /// Why a new password is refused, or `None` when it is good enough. A common password, or one built from `personal` texts
    /// (the user's name and address), is refused with zxcvbn's reason (ASVS 6.2.4, 6.2.5, 6.2.11).
    ///
    /// It costs milliseconds of CPU time and reads a file: it is for the hashing threads.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the breached passwords can't be read: nothing passes unchecked.
    pub fn weakness(&self, password: &str, personal: &[String]) -> Result<Option<String>, Error> {
        let opaque = opaque_string(password);
        let weakness = self.length_flaw(password).or_else(|| easy_to_guess(&opaque, personal));
        if weakness.is_some() {
            return Ok(weakness);
        }
        for form in iter::once(password).chain((opaque != password).then_some(opaque.as_str())) {
            if self
                .breached
                .as_ref()
                .map_or(Ok(false), |file| file.contains(form))
                .map_err(Error::unavailable)?
            {
                return Ok(Some("This password is known from a breach. Choose another one.".to_owned()));
            }
        }
        Ok(None)
    }
}

/// Why a password is easy to guess, or `None`.
fn easy_to_guess(password: &str, personal: &[String]) -> Option<String> {
    let mut words = personal_words(personal);
    words.push("gatehouse".to_owned());
    if let Some(word) = main_part(password, &words) {
        return Some(format!("Choose a password that isn't built from \u{201c}{word}\u{201d}."));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let estimate = strength::estimate(password, &words);
    if estimate.guesses() >= MIN_GUESSES {
        return None;
    }
    let feedback = estimate.feedback();
    let reason = feedback
        .and_then(|feedback| feedback.warning())
        .map_or_else(|| "This password is easy to guess.".to_owned(), |warning| warning.to_string());
    let advice = feedback
        .and_then(|feedback| feedback.suggestions().first().map(ToString::to_string))
        .unwrap_or_else(|| "Add another word or two. Uncommon words are better.".to_owned());
    Some(format!("{reason} {advice}"))
}

/// The words of at least three characters in these texts, in lower case, longest first.
fn personal_words(personal: &[String]) -> Vec<String> {
    let mut words: Vec<String> = personal
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([text.as_str()]))
        .filter(|word| word.chars().count() >= 3)
        .map(fold)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words.truncate(MAX_PERSONAL_WORDS);
    words
}

/// The first of the words of which most of the password is made, if it is.
fn main_part(password: &str, words: &[String]) -> Option<String> {
    let lower = fold(password);
    let mut remainder = lower.clone();
    let mut found = None;
    for word in words {
        if remainder.contains(word) {
            remainder = remainder.replace(word, "");
            found.get_or_insert(word);
        }
    }
    let remaining = remainder.chars().count();
    found.filter(|_| remaining < 8 && remaining * 2 < lower.chars().count()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weakness(password: &str, min_length: usize, personal: &[&str]) -> Option<String> {
        let personal: Vec<String> = personal.iter().map(ToString::to_string).collect();
        Policy { min_length, breached: None }.weakness(password, &personal).unwrap()
    }

    #[test]
    fn password_length_counts_code_points() {
        assert!(weakness("e\u{301}q7-kz%", 8, &[]).unwrap().contains("this has 7"));
        let good = "\u{1F600}z\u{e9}q-v\u{fc}7k";
        assert_eq!(good.chars().count(), 9);
        assert_eq!(weakness(good, 9, &[]), None);
        assert!(weakness(good, 10, &[]).unwrap().contains("at least 10"));
        let long: String = (0..MAX_LENGTH).map(|n| char::from(b'a' + (n * n * 7 % 26) as u8)).collect();
        assert_eq!(weakness(&long, 8, &[]), None);
        assert!(weakness(&format!("{long}x"), 8, &[]).unwrap().contains("at most 128"));
    }

    #[test]
    fn password_of_eight_random_characters_accepted() {
        for password in ["q7Z-kx%9", "Tz4!mWpe", "\u{1F600}z\u{e9}q-v\u{fc}7"] {
            assert_eq!(password.chars().count(), 8);
            assert_eq!(weakness(password, 8, &[]), None, "{password}");
        }
    }

    #[test]
    fn password_common_or_personal_refused() {
        let personal = ["Ada Lovelace", "countess@analytical.example"];
        for weak in [
            "password1",
            "qwertyuiop",
            "iloveyou2",
            "AdaLovelace",
            "ada.lovelace",
            "lovelace1815",
            "Countess!!",
            "gatehouse1",
            "Gatehouse2026",
            "analytical99",
            "aaaaaaaaaaaaaaaa",
        ] {
            assert!(weakness(weak, 8, &personal).is_some(), "{weak}");
        }
        for fine in ["correct horse battery staple", "violet-harbor-93-lantern", "T7#qpl!x92mZ"] {
            assert_eq!(weakness(fine, 8, &personal), None, "{fine}");
        }
    }
}
