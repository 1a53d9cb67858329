//! The session key. Only the cookie contains it; store and catalogue have its hash.

use actix_session::storage::SessionKey;

use crate::{config::SessionKind, crypto::sha256_hex};

/// Prefix of the store's keys in Redis.
pub(crate) const PREFIX: &str = "sess:";

/// What stands for the store key in the entry that shows whether Redis does what sign-ins need.
pub(super) const PROBE: &str = "probe";

/// The first letter of the keys of each kind of session.
const LETTERS: [(char, SessionKind); 4] = [
    ('r', SessionKind { remembered: true, of_admin: false }),
    ('p', SessionKind { remembered: false, of_admin: false }),
    ('R', SessionKind { remembered: true, of_admin: true }),
    ('P', SessionKind { remembered: false, of_admin: true }),
];

/// A key as the cookie contains it: one letter that says what the session's lifetimes depend on, so that the store can be read and
/// the matching lifetime renewed in one round trip; then the secret key of actix-session.
pub struct Key {
    /// What the lifetimes depend on: the role as it was when the session got the key.
    pub kind: SessionKind,
    secret: String,
}

impl Key {
    /// Parses the cookie's value; `None` when it does not begin with one of the letters.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let first = chars.next()?;
        let (_, kind) = LETTERS.into_iter().find(|(letter, _)| *letter == first)?;
        Some(Self { kind, secret: chars.as_str().to_owned() })
    }

    /// The key with this secret, as actix-session generates it.
    pub fn new(secret: SessionKey, kind: SessionKind) -> Self {
        Self { kind, secret: secret.into() }
    }

    /// Hex SHA-256 of the secret: what catalogue and store identify the key by.
    pub fn store_key(&self) -> String {
        sha256_hex(&self.secret)
    }

    /// The secret; `None` when it is longer than actix-session allows.
    pub fn into_secret(self) -> Option<SessionKey> {
        self.secret.try_into().ok()
    }

    /// The key as cookies and tokens contain it.
    pub fn text(&self) -> String {
        let letter = LETTERS.into_iter().find(|(_, kind)| *kind == self.kind).map(|(letter, _)| letter);
        format!("{}{}", letter.unwrap_or_default(), self.secret)
    }

    /// The cookie's value; `None` when it is longer than actix-session allows.
    pub fn into_cookie(self) -> Option<SessionKey> {
        self.text().try_into().ok()
    }
}
