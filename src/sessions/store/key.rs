//! The session key. Only the cookie contains it; store and catalogue have its hash.

use actix_session::storage::SessionKey;

use crate::crypto::sha256_hex;

/// Prefix of the store's keys in Redis.
pub(crate) const PREFIX: &str = "sess:";

/// What stands for the store key in the entry that shows whether Redis does what sign-ins need.
pub(super) const PROBE: &str = "probe";

/// First letter of a remembered session's key.
const REMEMBERED: char = 'r';
/// First letter of other keys.
const NOT_REMEMBERED: char = 'p';

/// A key as the cookie contains it: one letter that says whether the session is remembered, so that the store can be read and
/// the matching lifetime renewed in one round trip; then the secret key of actix-session.
pub struct Key {
    /// Whether "remember me" was ticked at sign-in.
    pub remembered: bool,
    secret: String,
}

impl Key {
    /// Parses the cookie's value; `None` when it does not begin with one of the two letters.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let remembered = match chars.next()? {
            REMEMBERED => true,
            NOT_REMEMBERED => false,
            _ => return None,
        };
        Some(Self { remembered, secret: chars.as_str().to_owned() })
    }

    /// The key with this secret, as actix-session generates it.
    pub fn new(secret: SessionKey, remembered: bool) -> Self {
        Self { remembered, secret: secret.into() }
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
        let letter = if self.remembered { REMEMBERED } else { NOT_REMEMBERED };
        format!("{letter}{}", self.secret)
    }

    /// The cookie's value; `None` when it is longer than actix-session allows.
    pub fn into_cookie(self) -> Option<SessionKey> {
        self.text().try_into().ok()
    }
}
