//! Whom a count is of. The stores know it by a keyed hash: neither addresses nor networks can be read there, and nobody can choose
//! a name that shares the count of another. The hash is short on purpose: there are at most a million counts of a kind, however
//! many names are tried.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::policy::Kind;
use crate::{config::SessionSecret, security::Client, users::email_key};

/// Bits of a count's number.
const NUMBER_BITS: u32 = 20;

/// Names one count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// What is counted.
    pub kind: Kind,
    /// Which one of its kind.
    pub number: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:05x}", self.kind.name(), self.number)
    }
}

/// Makes keys; all instances with the same secret make the same.
pub(super) struct Subjects {
    secret: [u8; 32],
}

impl Subjects {
    pub(super) fn new(secret: &SessionSecret) -> Self {
        Self { secret: secret.derived("throttle") }
    }

    /// The count of an account, by the address that was typed: all forms of it have one.
    pub(super) fn account(&self, email: &str) -> Key {
        self.key(Kind::Account, &email_key(email))
    }

    /// The count that a browser has for the account of this tag.
    pub(super) fn browser(&self, id: &str, tag: &str) -> Key {
        self.key(Kind::Browser, &format!("{id} {tag}"))
    }

    /// The count of a session.
    pub(super) fn session(&self, id: &str) -> Key {
        self.key(Kind::Session, id)
    }

    /// The count of the network that a client is in.
    pub(super) fn network(&self, kind: Kind, client: &Client) -> Key {
        self.key(kind, &client.network().to_string())
    }

    /// What a browser's cookie holds in place of an address.
    pub(super) fn tag(&self, email: &str) -> String {
        hex::encode(&self.hash("tag", &email_key(email))[..8])
    }

    fn key(&self, kind: Kind, name: &str) -> Key {
        let hash = self.hash(kind.name(), name);
        let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> (32 - NUMBER_BITS);
        Key { kind, number }
    }

    fn hash(&self, purpose: &str, name: &str) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(self.secret);
        for part in [purpose, "\0", name] {
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttle_key_is_the_same_for_all_forms_of_an_address() {
        let subjects = Subjects { secret: [7; 32] };
        let key = subjects.account("ada@example.org");
        assert_eq!(key, subjects.account(" ADA@Example.ORG "));
        assert_eq!(subjects.account("ada@bücher.example"), subjects.account("ada@XN--BCHER-KVA.example"));
        assert_ne!(key.number, Subjects { secret: [8; 32] }.account("ada@example.org").number);
        assert!(key.number < 1 << NUMBER_BITS && key.to_string().len() == "account:".len() + 5, "{key}");
        assert_ne!(key.number, subjects.session("ada@example.org").number);
    }
}
