//! Whom a count is of. The stores know it by a keyed hash: neither accounts nor networks can be read there. What exists, accounts
//! and sessions, has a count of its own. Names that anybody can think of, addresses without an account and networks, share a
//! million counts of a kind, however many are tried; success never ends those, so nobody can end the count of another.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::policy::Kind;
use crate::{config::SessionSecret, security::Client, users::email_key};

/// Bits of the number of a count that names share.
const SHARED_BITS: u32 = 20;

/// Names one count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// What is counted.
    pub kind: Kind,
    /// Which one of its kind.
    pub number: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:x}", self.kind.name(), self.number)
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

    /// Those under the secrets before the newest one.
    pub(super) fn older(secret: &SessionSecret) -> Vec<Self> {
        secret.all_derived("throttle").into_iter().skip(1).map(|secret| Self { secret }).collect()
    }

    /// The count of an account.
    pub(super) fn account(&self, id: i64) -> Key {
        self.user(Kind::Account, id)
    }

    /// The count of an address that has no account: all forms of it have one.
    pub(super) fn address(&self, email: &str) -> Key {
        self.shared(Kind::Account, &email_key(email))
    }

    /// The count that a browser has for the account of this tag.
    pub(super) fn browser(&self, id: &str, tag: &str) -> Key {
        self.own(Kind::Browser, &format!("{id} {tag}"))
    }

    /// The count of a session.
    pub(super) fn session(&self, id: &str) -> Key {
        self.own(Kind::Session, id)
    }

    /// The count of what a user does.
    pub(super) fn user(&self, kind: Kind, id: i64) -> Key {
        self.own(kind, &id.to_string())
    }

    /// The count of mails to confirm addresses that an account has asked for.
    pub(super) fn address_mails_of(&self, user: i64) -> Key {
        self.own(Kind::AddressMailsOf, &user.to_string())
    }

    /// The count of those that went to an address.
    pub(super) fn address_mails_to(&self, email: &str) -> Key {
        self.shared(Kind::AddressMailsOf, &email_key(email))
    }

    /// The count of the network that a client is in.
    pub(super) fn network(&self, kind: Kind, client: &Client) -> Key {
        self.shared(kind, &client.network().to_string())
    }

    /// What a browser's cookie holds of an account. A change of the password, or what else raises the epoch, makes it another.
    pub(super) fn tag(&self, account: i64, epoch: i64) -> String {
        format!("{:016x}", self.hash("tag", &format!("{account} {epoch}")))
    }

    /// What is stored in place of where a sign-in came from: the network, and the program by its `User-Agent` header.
    pub(super) fn origin(&self, client: &Client) -> String {
        format!("{:016x}", self.hash("origin", &format!("{} {}", client.network(), client.user_agent)))
    }

    fn own(&self, kind: Kind, name: &str) -> Key {
        // Apart from the numbers that are shared.
        Key { kind, number: self.hash(kind.name(), name) | 1 << SHARED_BITS }
    }

    fn shared(&self, kind: Kind, name: &str) -> Key {
        Key { kind, number: self.hash(kind.name(), name) >> (u64::BITS - SHARED_BITS) }
    }

    fn hash(&self, purpose: &str, name: &str) -> u64 {
        let mut hash = Sha256::new_with_prefix(self.secret);
        for part in [purpose, "\0", name] {
            hash.update(part.as_bytes());
        }
        let hash: [u8; 32] = hash.finalize().into();
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn throttle_key_is_the_same_for_all_forms_of_an_address() {
        let subjects = Subjects { secret: [7; 32] };
        let key = subjects.address("ada@example.org");
        assert_eq!(key, subjects.address(" ADA@Example.ORG "));
        assert_eq!(subjects.address("ada@bücher.example"), subjects.address("ada@XN--BCHER-KVA.example"));
        assert_ne!(key, Subjects { secret: [8; 32] }.address("ada@example.org"));
        assert!(key.number < 1 << SHARED_BITS, "{key}");
    }

    #[test]
    fn throttle_key_of_what_exists_is_shared_with_nothing() {
        let subjects = Subjects { secret: [7; 32] };
        let numbers: HashSet<u64> = (0..100_000).map(|id| subjects.account(id).number).collect();
        assert_eq!(numbers.len(), 100_000);
        assert!(numbers.iter().all(|number| *number >= 1 << SHARED_BITS));
        assert_ne!(subjects.account(7).number, subjects.session("7").number);
        assert_ne!(subjects.tag(7, 1), subjects.tag(7, 2));
        assert_ne!(subjects.tag(7, 1), subjects.tag(8, 1));
    }
}
