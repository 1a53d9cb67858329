//! `GATE_KEY`: the keys of services that are told of ended sessions.

use std::fmt;

use actix_web::cookie::Key;

use super::{
    reader::Reader,
    secret::{self, MIN_BYTES},
};

/// The keys that a service may show, newest first; `Debug` does not print them.
#[derive(Clone)]
pub struct GateKeys(Vec<Key>);

impl GateKeys {
    /// `None` without the variable, or after a mistake in it.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let may_hold = format!(
            "at least {MIN_BYTES} random letters and digits, such as `openssl rand -hex 32` prints, and not a SESSION_SECRET; \
             commas stand between several keys, the newest first"
        );
        let secrets = reader.get("SESSION_SECRET").unwrap_or_default();
        let is_secret = |key: &str| secrets.split(',').any(|secret| secret.trim() == key);
        reader.read_hidden("GATE_KEY", &may_hold, |list| {
            let keys = list.split(',').map(str::trim).zip(1..).map(|(text, number)| match text {
                _ if is_secret(text) => Err(format!("key {number} is in SESSION_SECRET too")),
                _ if !text.bytes().all(is_letter) => Err(format!("key {number} can't be sent in a header")),
                _ => secret::key(text).map_err(|wrong| format!("key {number} {wrong}")),
            });
            let keys = keys.collect::<Result<Vec<Key>, String>>()?;
            match secret::same(&keys) {
                Some((first, second)) => Err(format!("key {second} is the same as key {first}")),
                None => Ok(Self(keys)),
            }
        })
    }

    /// Whether a text is one of the keys. How long that takes says nothing of them: [`Key`] compares in constant time.
    pub fn has(&self, text: &str) -> bool {
        let sent = secret::hashed(text);
        self.0.iter().fold(false, |found, key| found | (*key == sent))
    }
}

/// What a token may consist of (RFC 6750 §2.1).
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

impl fmt::Debug for GateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateKeys(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, secret: &str) -> Result<GateKeys, String> {
        let vars = [("GATE_KEY", key), ("SESSION_SECRET", secret)];
        let mut reader = Reader::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
        GateKeys::read(&mut reader).ok_or_else(|| reader.finish().unwrap_err().to_string())
    }

    fn random() -> String {
        crate::crypto::random_hex::<32>().unwrap()
    }

    #[test]
    fn gate_keys_are_known_again() {
        let (new, old) = (random(), random());
        let keys = read(&format!("{new}, {old}"), &random()).unwrap();
        assert!(keys.has(&new) && keys.has(&old));
        for other in [random(), new[1..].to_owned(), format!("{new},{old}"), String::new()] {
            assert!(!keys.has(&other));
        }
        assert!(!format!("{keys:?}").contains(&new));
    }

    #[test]
    fn gate_key_that_can_be_guessed_is_a_mistake() {
        let (good, secret) = (random(), random());
        for (key, says) in [
            (good[1..].to_owned(), "key 1 has 63 bytes"),
            ("ab".repeat(40), "repeats itself"),
            (format!("{good},short"), "key 2 has 5 bytes"),
            (format!("{good},"), "key 2 has 0 bytes"),
            (format!("changeme{good}"), "\"change\""),
            (format!("{good} x"), "header"),
            (format!("{good}é"), "header"),
            (secret.clone(), "SESSION_SECRET"),
            (format!("{good}, {good}"), "key 2 is the same as key 1"),
        ] {
            let mistake = read(&key, &secret).unwrap_err();
            assert!(mistake.starts_with("GATE_KEY: ") && mistake.contains(says), "{mistake}");
            assert!(!mistake.contains(&good) && !mistake.contains(&secret), "{mistake}");
        }
    }
}
