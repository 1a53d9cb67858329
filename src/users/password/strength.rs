//! How many guesses a password takes, in a time that has a bound.
//!
//! zxcvbn looks for words in every spelling that look-alikes such as `4` for `a` allow, and the spellings multiply: a hundred
//! characters can take it seconds.

use zxcvbn::{Entropy, zxcvbn};

/// Most characters that are judged: those at the beginning. What follows makes a password no easier to guess. It is below the 66
/// characters from which zxcvbn's count of guesses can exceed 64 bits.
const JUDGED_LENGTH: usize = 48;

/// Most spellings that are tried. Digits alone have as many.
const MAX_SPELLINGS: usize = 16;

/// The characters that zxcvbn takes for a letter, of letters that have more than one: a, c, g, i, l, s and t.
const LOOK_ALIKES: [&str; 7] = ["4@", "({[<", "69", "1!|", "1|7", "$5", "+7"];

/// The characters that stand for either of two letters.
const AMBIGUOUS: &str = "1|7";

/// Estimates the guesses that a password takes whose user is known by these words. In an optimized build it costs less than
/// 20 ms of a thread, whatever the password.
pub(super) fn estimate(password: &str, personal: &[&str]) -> Entropy {
    zxcvbn(&judged_text(password), personal)
}

/// The beginning of the password. Where that has too many spellings, symbols that look like a digit or a bracket are read as
/// that one, which hides no word.
fn judged_text(password: &str) -> String {
    let beginning: String = password.chars().take(JUDGED_LENGTH).collect();
    if spellings(&beginning) <= MAX_SPELLINGS {
        return beginning;
    }
    beginning.chars().map(without_symbol).collect()
}

/// An upper bound of the spellings that zxcvbn tries.
fn spellings(text: &str) -> usize {
    let present = |characters: &str| characters.chars().filter(|c| text.contains(*c)).count();
    let choices: usize = LOOK_ALIKES.iter().map(|characters| present(characters).max(1)).product();
    choices << present(AMBIGUOUS)
}

fn without_symbol(c: char) -> char {
    match c {
        '@' => '4',
        '{' | '[' | '<' => '(',
        '!' | '|' => '1',
        '$' => '5',
        '+' => '7',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    const ALL_SPELLINGS: &str = "4@8({[<369|!1/|0$5+7%2";

    /// CPU time of this thread: that of other processes does not count.
    fn cpu_time(work: impl FnOnce()) -> Duration {
        let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
        let began = now();
        work();
        now() - began
    }

    #[test]
    fn password_of_many_spellings_is_judged_quickly() {
        drop(estimate("the first one reads the dictionaries", &[]));
        let personal = ["ada", "lovelace", "countess", "analytical"];
        for text in [ALL_SPELLINGS, "48(36910$+7%2", "0123456789", "a", "1", "pass1word", "e\u{301}😀"] {
            let password: String = text.chars().cycle().take(128).collect();
            // Most of the crates that zxcvbn uses are not optimized in this build, and 2 s is what it took without a bound.
            let taken = cpu_time(|| drop(estimate(&password, &personal)));
            assert!(taken < Duration::from_millis(200), "{password}: {taken:?}");
        }
    }

    #[test]
    fn password_word_is_found_among_many_spellings() {
        let guesses = |text: &str| estimate(text, &["lovelace"]).guesses();
        for text in ["p@$5w0rd!|7", "l0ve|@<e!7$5"] {
            assert!(spellings(text) > MAX_SPELLINGS, "{text}");
            assert!(guesses(text) < 100_000_000, "{text}: {}", guesses(text));
        }
        assert!(guesses(ALL_SPELLINGS) > 10_000_000_000);
    }

    proptest! {
        #[test]
        fn password_judged_text_is_bounded(password in ".{0,200}", symbols in "[4@8({\\[<369|!1/0$5+7%2a-c]{0,80}") {
            for text in [format!("{password}{symbols}"), format!("{symbols}{password}")] {
                let judged = judged_text(&text);
                prop_assert!(judged.chars().count() <= JUDGED_LENGTH);
                prop_assert!(spellings(&judged) <= MAX_SPELLINGS, "{}", judged);
            }
        }

        #[test]
        fn password_of_digits_or_words_is_judged_as_it_is(password in "[0-9a-zA-Z -]{0,48}") {
            prop_assert_eq!(judged_text(&password), password);
        }
    }
}
