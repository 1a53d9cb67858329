//! One-time links with which a user chooses a password, after an invitation or in place of a forgotten password. The link
//! holds a random token; only the token's SHA-256 is stored. Links are withdrawn by the changes in `credentials`. The same table
//! has the links about addresses, see `address_tokens`.

use diesel::prelude::*;
use time::PrimitiveDateTime;

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

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// Most set-up links that are valid at the same time: one for each of the last starts.
const MOST_SETUP_TOKENS: usize = 20;

text_enum! {
    /// What a one-time link is for.
    pub enum TokenPurpose {
        /// The first administrator.
        Setup => "setup",
        /// The first administrator, who has been made: the link says so.
        SetupUsed => "setup_used",
        /// The first password of an invited user. The row is kept until the link is used or replaced, even after it has
        /// expired: a user with such a row counts as invited.
        Invite => "invite",
        /// A new password in place of a forgotten one.
        Reset => "reset",
        /// No link: the second step of a sign-in, see `second_step`.
        SecondStep => "second_step",
    }
}

impl TokenPurpose {
    /// How long a link is valid.
    pub fn lifetime(self) -> time::Duration {
        match self {
            Self::Setup | Self::SetupUsed | Self::Invite => time::Duration::days(7),
            Self::Reset => time::Duration::hours(1),
            Self::SecondStep => time::Duration::minutes(10),
        }
    }

    /// [`Self::lifetime`] in words.
    pub fn lifetime_in_words(self) -> &'static str {
        match self {
            Self::Setup | Self::SetupUsed | Self::Invite => "7 days",
            Self::Reset => "one hour",
            Self::SecondStep => "ten minutes",
        }
    }
}

/// Issues a token for the user, which replaces an earlier one of the same purpose. Also deletes all users' expired reset tokens.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn issue(conn: &mut DbConnection, user: i64, purpose: TokenPurpose) -> Result<String, Error> {
    let token = random_url_safe::<TOKEN_BYTES>()?;
    let at = now();
    revoke(conn, user, purpose)?;
    let expired = tokens::purpose.eq(TokenPurpose::Reset).and(tokens::expires_at.le(at));
    diesel::delete(tokens::table.filter(expired)).execute(conn)?;
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

/// Issues a token for the first administrator. Earlier ones stay valid, since other instances have printed them; of all that were
/// printed only the newest are kept.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn issue_setup(conn: &mut DbConnection) -> Result<String, Error> {
    let token = random_url_safe::<TOKEN_BYTES>()?;
    let at = now();
    let older: Vec<String> = tokens::table
        .filter(tokens::purpose.eq(TokenPurpose::Setup))
        .order((tokens::created_at.desc(), tokens::token_hash))
        .select(tokens::token_hash)
        .load(conn)?;
    if let Some(too_many) = older.get(MOST_SETUP_TOKENS - 1..) {
        diesel::delete(tokens::table.filter(tokens::token_hash.eq_any(too_many))).execute(conn)?;
    }
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

/// Uses up all tokens for the first administrator; `false` when this was not a valid one of them. On Postgres a second request waits
/// here until the first one's transaction has ended, and then finds its administrator.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn consume_setup(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    let valid = setup_purpose(conn, token)? == Some(TokenPurpose::Setup);
    let unused = tokens::table.filter(tokens::purpose.eq(TokenPurpose::Setup));
    diesel::update(unused).set(tokens::purpose.eq(TokenPurpose::SetupUsed)).execute(conn)?;
    Ok(valid)
}

/// Whether a token is for the first administrator and has not expired, or was until one was made; `None` when it never was.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn setup_purpose(conn: &mut DbConnection, token: &str) -> Result<Option<TokenPurpose>, Error> {
    Ok(tokens::table
        .find(sha256_hex(token))
        .filter(tokens::purpose.eq_any([TokenPurpose::Setup, TokenPurpose::SetupUsed]))
        .filter(tokens::purpose.eq(TokenPurpose::SetupUsed).or(tokens::expires_at.gt(now())))
        .select(tokens::purpose)
        .first(conn)
        .optional()?)
}

/// The path of the page on which a user chooses a password with the token.
pub fn path(token: &str) -> String {
    format!("/password/reset?token={token}")
}

/// The active user of a valid invitation or reset token, and its purpose.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn owner(conn: &mut DbConnection, token: &str) -> Result<Option<(User, TokenPurpose)>, Error> {
    Ok(tokens::table
        .inner_join(users::table)
        .filter(tokens::token_hash.eq(sha256_hex(token)))
        .filter(tokens::purpose.eq_any(FOR_PASSWORDS))
        .filter(tokens::expires_at.gt(now()))
        .filter(users::active)
        .select((users::all_columns, tokens::purpose))
        .first(conn)
        .optional()?)
}

/// A token without its hash.
#[derive(Debug, Clone, Queryable)]
pub struct StoredToken {
    /// What the link is for: a [`TokenPurpose`] or an [`AddressPurpose`](super::address_tokens::AddressPurpose).
    pub purpose: String,
    /// The address that it proves or gives back.
    pub email: Option<String>,
    /// When it was made, in UTC.
    pub created_at: PrimitiveDateTime,
    /// Until when it is valid, in UTC.
    pub expires_at: PrimitiveDateTime,
}

/// The user's tokens, the oldest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<StoredToken>, Error> {
    let columns = (tokens::purpose, tokens::email, tokens::created_at, tokens::expires_at);
    let of_user = tokens::table.filter(tokens::user_id.eq(user));
    Ok(of_user.order(tokens::created_at).select(columns).load(conn)?)
}

/// Deletes the user's tokens of one purpose.
fn revoke(conn: &mut DbConnection, user: i64, purpose: TokenPurpose) -> Result<(), Error> {
    let rows = tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::purpose.eq(purpose));
    diesel::delete(rows).execute(conn)?;
    Ok(())
}

/// What is for choosing a password.
const FOR_PASSWORDS: [TokenPurpose; 2] = [TokenPurpose::Invite, TokenPurpose::Reset];

/// Makes all links with which the user chooses a password invalid. Who was invited still counts as invited.
///
/// # Errors
/// [`Error`] when the database fails.
pub(super) fn expire_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    let valid = tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::expires_at.gt(now()));
    let valid = valid.filter(tokens::purpose.eq_any(FOR_PASSWORDS));
    diesel::update(valid).set(tokens::expires_at.eq(now())).execute(conn)?;
    Ok(())
}

/// Deletes all links with which the user chooses a password, now that there is one: an invitation is used up too.
///
/// # Errors
/// [`Error`] when the database fails.
pub(super) fn delete_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    let theirs = tokens::table.filter(tokens::user_id.eq(user));
    diesel::delete(theirs.filter(tokens::purpose.eq_any(FOR_PASSWORDS))).execute(conn)?;
    Ok(())
}

/// Deletes expired links, at most `limit`; they are refused anyway. Left are those by which a user counts as invited, and those that
/// say that the site was set up. Returns whether there may be more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn delete_expired(conn: &mut DbConnection, limit: i64) -> Result<bool, Error> {
    let expired: Vec<String> = tokens::table
        .filter(tokens::purpose.ne_all([TokenPurpose::Invite, TokenPurpose::SetupUsed]))
        .filter(tokens::expires_at.le(now()))
        .limit(limit)
        .select(tokens::token_hash)
        .load(conn)?;
    if expired.is_empty() {
        return Ok(false);
    }
    let deleted = diesel::delete(tokens::table.filter(tokens::token_hash.eq_any(expired))).execute(conn)?;
    Ok(i64::try_from(deleted).unwrap_or(limit) >= limit)
}

/// The ids of those of these users who were invited and have not chosen a password yet.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn invited(conn: &mut DbConnection, users: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(tokens::table
        .filter(tokens::purpose.eq(TokenPurpose::Invite))
        .filter(tokens::user_id.eq_any(users))
        .select(tokens::user_id.assume_not_null())
        .load(conn)?)
}
