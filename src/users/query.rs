//! The query of a search for users.

use crate::web::query;

/// A search for users: by part of a name or address, or for exactly one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserQuery {
    /// Users with this in their name or address, in any case.
    Named(String),
    /// The user with this number, also once the account is deleted.
    Number(i64),
}

impl UserQuery {
    /// Reads part of a name or address, or `#` and a user's number.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('#') {
            Some(number) => number.parse().ok().map(Self::Number),
            None => query::text(text).map(Self::Named),
        }
    }
}
