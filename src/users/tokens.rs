//! One-time links with which somebody chooses a password: for who was invited, and for who forgot theirs. The link
//! holds a random token; only its SHA-256 is kept.

use diesel::prelude::*;

use super::user::User;
use crate::{
    clock::now,
    crypto::{random_url_safe, sha256_hex},
    db::{
        DbConnection,
        schema::{tokens, users},
        text_enum,
    },
    error::Error,
};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

text_enum! {
    /// What a one-time link is for.
    pub enum TokenPurpose {
        /// The first administrator.
        Setup => "setup",
        /// The first password of an invited user. Kept until it is used or replaced, even after it has expired: that is what
        /// makes an account an invited one.
        Invite => "invite",
        /// A new password in place of a forgotten one.
        Reset => "reset",
    }
}

impl TokenPurpose {
    /// How long a link works.
    pub fn lifetime(self) -> time::Duration {
        match self {
            Self::Setup | Self::Invite => time::Duration::days(7),
            Self::Reset => time::Duration::hours(1),
        }
    }

    /// The same in words.
    pub fn lifetime_in_words(self) -> &'static str {
        match self {
            Self::Setup | Self::Invite => "7 days",
            Self::Reset => "one hour",
        }
    }
}

/// Makes a token for the user; an earlier one of the same purpose is dead. Whoever's links for a new password were never
/// used and work no more are forgotten with it.
pub fn issue(conn: &mut DbConnection, user: i64, purpose: TokenPurpose) -> Result<String, Error> {
    let token = random_url_safe::<TOKEN_BYTES>();
    let at = now();
    revoke(conn, user, purpose)?;
    let over = tokens::purpose.eq(TokenPurpose::Reset).and(tokens::expires_at.le(at));
    diesel::delete(tokens::table.filter(over)).execute(conn)?;
    diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(sha256_hex(&token)),
            tokens::purpose.eq(purpose),
            tokens::user_id.eq(user),
            tokens::created_at.eq(at),
            tokens::expires_at.eq(at.saturating_add(purpose.lifetime())),
        ))
        .execute(conn)?;
    Ok(token)
}

/// Makes the token for the first administrator; it replaces the last one.
pub fn issue_setup(conn: &mut DbConnection) -> Result<String, Error> {
    let token = random_url_safe::<TOKEN_BYTES>();
    let at = now();
    diesel::delete(tokens::table.filter(tokens::purpose.eq(TokenPurpose::Setup))).execute(conn)?;
    diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(sha256_hex(&token)),
            tokens::purpose.eq(TokenPurpose::Setup),
            tokens::created_at.eq(at),
            tokens::expires_at.eq(at.saturating_add(TokenPurpose::Setup.lifetime())),
        ))
        .execute(conn)?;
    Ok(token)
}

/// Whether this is the token for the first administrator, while it is valid.
pub fn is_setup(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    let known = tokens::table
        .find(sha256_hex(token))
        .filter(tokens::purpose.eq(TokenPurpose::Setup))
        .filter(tokens::expires_at.gt(now()));
    Ok(diesel::select(diesel::dsl::exists(known)).get_result(conn)?)
}

/// The path at which a user chooses a password with the token.
pub fn path(token: &str) -> String {
    format!("/password/reset?token={token}")
}

/// The active user whose token this is, while it is valid, and what it is for.
pub fn owner(conn: &mut DbConnection, token: &str) -> Result<Option<(User, TokenPurpose)>, Error> {
    Ok(tokens::table
        .inner_join(users::table)
        .filter(tokens::token_hash.eq(sha256_hex(token)))
        .filter(tokens::purpose.eq_any([TokenPurpose::Invite, TokenPurpose::Reset]))
        .filter(tokens::expires_at.gt(now()))
        .filter(users::active)
        .select((users::all_columns, tokens::purpose))
        .first(conn)
        .optional()?)
}

/// Uses the token up; `false` when somebody else was quicker or its time is over.
pub fn consume(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    let token = tokens::table.find(sha256_hex(token)).filter(tokens::expires_at.gt(now()));
    Ok(diesel::delete(token).execute(conn)? == 1)
}

/// Ends the user's links of one purpose.
pub fn revoke(conn: &mut DbConnection, user: i64, purpose: TokenPurpose) -> Result<(), Error> {
    let own = tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::purpose.eq(purpose));
    diesel::delete(own).execute(conn)?;
    Ok(())
}

/// Ends all of the user's links.
pub fn revoke_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(tokens::table.filter(tokens::user_id.eq(user))).execute(conn)?;
    Ok(())
}

/// Of these users, those who were invited and have not chosen a password yet.
pub fn invited(conn: &mut DbConnection, users: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(tokens::table
        .filter(tokens::purpose.eq(TokenPurpose::Invite))
        .filter(tokens::user_id.eq_any(users))
        .select(tokens::user_id.assume_not_null())
        .load(conn)?)
}
