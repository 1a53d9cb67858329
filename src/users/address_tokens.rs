//! The rows of one-time links about addresses: links that prove that an address is its user's, and links that give back the address
//! that a user had before. The link holds a random token; only the token's SHA-256 is stored, with the user and the address.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    clock::now,
    crypto::{random_url_safe, sha256_hex},
    db::{DbConnection, schema::tokens, text_enum},
    error::Error,
};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

text_enum! {
    /// What a link about an address is for.
    pub enum AddressPurpose {
        /// Proves that an address is the user's: the one that the account has, or the one that is to take its place.
        Confirm => "confirm",
        /// Gives the account the address back that it had before. Until it expires nobody else gets that address.
        Undo => "undo",
    }
}

impl AddressPurpose {
    fn lifetime(self) -> time::Duration {
        match self {
            Self::Confirm => time::Duration::hours(24),
            Self::Undo => time::Duration::days(7),
        }
    }

    /// How long a link is valid, in words.
    pub fn lifetime_in_words(self) -> &'static str {
        match self {
            Self::Confirm => "24 hours",
            Self::Undo => "7 days",
        }
    }

    /// The path of the page behind a link with the token.
    pub fn path(self, token: &str) -> String {
        match self {
            Self::Confirm => format!("/email/confirm?token={token}"),
            Self::Undo => format!("/email/undo?token={token}"),
        }
    }
}

/// Issues a token that proves an address, which replaces an earlier one for this user and address.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn issue_confirmation(conn: &mut DbConnection, user: i64, email: &str) -> Result<String, Error> {
    let earlier = tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::email.eq(email));
    diesel::delete(earlier.filter(tokens::purpose.eq(AddressPurpose::Confirm))).execute(conn)?;
    issue(conn, user, AddressPurpose::Confirm, email, None)
}

/// Issues a token that gives back the address that a user has, which is about to change. Earlier ones stay: each gives back another
/// address, or the same one at another time.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn issue_undo(conn: &mut DbConnection, user: i64, email: &str, key: &str) -> Result<String, Error> {
    issue(conn, user, AddressPurpose::Undo, email, Some(key))
}

fn issue(
    conn: &mut DbConnection,
    user: i64,
    purpose: AddressPurpose,
    email: &str,
    key: Option<&str>,
) -> Result<String, Error> {
    let token = random_url_safe::<TOKEN_BYTES>()?;
    let at = now();
    diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(sha256_hex(&token)),
            tokens::purpose.eq(purpose),
            tokens::user_id.eq(user),
            tokens::created_at.eq(at),
            tokens::expires_at.eq(at.saturating_add(purpose.lifetime())),
            tokens::email.eq(email),
            tokens::email_key.eq(key),
        ))
        .execute(conn)?;
    Ok(token)
}

/// An address that a user had before and can have back.
#[derive(Debug, Clone, Queryable)]
pub struct FormerAddress {
    /// The address, as it is shown.
    pub email: String,
    /// Until when, in UTC.
    pub until: PrimitiveDateTime,
}

/// The addresses that a user can have back, the oldest change first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn former_addresses(conn: &mut DbConnection, user: i64) -> Result<Vec<FormerAddress>, Error> {
    Ok(tokens::table
        .filter(tokens::user_id.eq(user))
        .filter(tokens::purpose.eq(AddressPurpose::Undo))
        .filter(tokens::expires_at.gt(now()))
        .order((tokens::created_at, tokens::token_hash))
        .select((tokens::email.assume_not_null(), tokens::expires_at))
        .load(conn)?)
}

/// The user who has had the address with this key and can still have it back, unless that is `own`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn former_owner(conn: &mut DbConnection, key: &str, own: Option<i64>) -> Result<Option<i64>, Error> {
    let kept = tokens::table
        .filter(tokens::email_key.eq(key))
        .filter(tokens::purpose.eq(AddressPurpose::Undo))
        .filter(tokens::expires_at.gt(now()));
    let owners: Vec<i64> = kept.select(tokens::user_id.assume_not_null()).load(conn)?;
    Ok(owners.into_iter().find(|user| Some(*user) != own))
}

/// Refuses an address that was just given to a user while another one can still have it back. To be called after the statement, which
/// has waited for the change that makes it so.
pub(super) fn keep_for_former_owner(conn: &mut DbConnection, key: &str, user: i64) -> Result<(), Error> {
    match former_owner(conn, key, Some(user))? {
        Some(_) => Err(Error::AddressTaken),
        None => Ok(()),
    }
}
