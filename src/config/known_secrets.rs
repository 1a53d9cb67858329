//! The secrets of the configuration, so that no text that is printed or logged contains one: libpq, Redis and others quote what
//! they were given in their errors. All log entries and all errors of commands pass [`KnownSecrets::mask`].

use std::{borrow::Cow, collections::BTreeSet, fmt};

/// What stands in place of a secret.
const MASK: &str = "***";

/// Secrets below this length are left: they are found in any text.
const MIN_LENGTH: usize = 3;

/// Secrets below this length are masked only where they stand alone; inside longer words they are found by chance.
const MIN_LENGTH_INSIDE_WORDS: usize = 8;

/// The secrets, each in the forms in which a text may quote it; `Debug` does not print them.
#[derive(Clone, Default)]
pub struct KnownSecrets {
    /// The longest first, since one may contain another.
    forms: Vec<String>,
}

impl KnownSecrets {
    /// The secrets with their forms in quoted texts and in JSON.
    pub(super) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= MIN_LENGTH) {
            let quoted = inside_quotes(&format!("{secret:?}"));
            // A text that was quoted may be quoted again, in an entry of the log in JSON.
            forms.extend([in_json(&secret), in_json(&quoted), inside_quotes(&format!("{quoted:?}"))]);
            forms.extend([quoted, secret]);
        }
        let mut forms: Vec<String> = forms.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self { forms }
    }

    /// The text without the secrets.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for form in &self.forms {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(without(&masked, form));
            }
        }
        masked
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownSecrets(hidden)")
    }
}

fn without(text: &str, secret: &str) -> String {
    let anywhere = secret.len() >= MIN_LENGTH_INSIDE_WORDS;
    let (mut masked, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let continues = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let alone = !continues(before.chars().next_back()) && !continues(after.chars().next());
        masked.push_str(before);
        masked.push_str(if anywhere || alone { MASK } else { secret });
        rest = after;
    }
    masked.push_str(rest);
    masked
}

fn in_json(text: &str) -> String {
    serde_json::to_string(text).map(|json| inside_quotes(&json)).unwrap_or_default()
}

fn inside_quotes(quoted: &str) -> String {
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secret: &str, text: &str) -> String {
        KnownSecrets::new([secret.to_owned()]).mask(text).into_owned()
    }

    #[test]
    fn secrets_are_masked_in_each_form() {
        let secret = r#"pa"ss\wo'rdé"#;
        let debug = format!("{:?}", format!("refused {secret}"));
        let texts = [
            format!("refused {secret}"),
            serde_json::json!({ "error": debug, "plain": secret }).to_string(),
            format!("{debug:?}"),
            debug,
        ];
        for text in texts {
            let masked = masked(secret, &text);
            assert!(masked.contains("***") && !masked.contains("wo'rd"), "{masked}");
        }
    }

    #[test]
    fn short_secrets_are_masked_as_words() {
        assert_eq!(
            masked("info", "info: bad URL u:info@h, information"),
            "***: bad URL u:***@h, information"
        );
        assert_eq!(masked("hunter22", "xhunter22x"), "x***x");
        assert_eq!(masked("é", "é"), "é");
    }
}
