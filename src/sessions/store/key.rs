//! The session key: in the cookie only. What is stored is its hash.

use actix_session::storage::SessionKey;

use crate::crypto::sha256_hex;

/// Prefix of the store's keys in Redis.
pub(crate) const PREFIX: &str = "sess:";

const REMEMBERED: char = 'r';
const PLAIN: char = 'p';

/// A key as the cookie holds it: one letter that says whether the session is remembered, so that reading
/// it can renew its lifetime in the same round trip, then the key of the backend.
pub struct Key {
    /// Whether "remember me" was ticked at sign-in.
    pub remembered: bool,
    inner: String,
}

impl Key {
    /// Reads the cookie's value; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let remembered = match chars.next()? {
            REMEMBERED => true,
            PLAIN => false,
            _ => return None,
        };
        Some(Self { remembered, inner: chars.as_str().to_owned() })
    }

    /// Wraps a key that the backend made.
    pub fn new(inner: SessionKey, remembered: bool) -> Self {
        Self { remembered, inner: inner.into() }
    }

    /// Hex SHA-256 of the key: how catalogue and store know it.
    pub fn store_key(&self) -> String {
        sha256_hex(&self.inner)
    }

    /// The backend's key.
    pub fn into_inner(self) -> Option<SessionKey> {
        self.inner.try_into().ok()
    }

    /// The cookie's value.
    pub fn into_cookie(self) -> Option<SessionKey> {
        let letter = if self.remembered { REMEMBERED } else { PLAIN };
        format!("{letter}{}", self.inner).try_into().ok()
    }
}
