//! The table `sign_in_notices`: sign-ins from new browsers that their people were told of by mail. The link in the mail holds a
//! random token; only its SHA-256 is stored.

use diesel::prelude::*;
use time::{Duration, PrimitiveDateTime};

use crate::{
    clock::now,
    crypto::{random_url_safe, sha256_hex},
    db::{
        DbConnection,
        schema::{sign_in_notices as notices, users},
    },
    error::Error,
    users::User,
};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// How long a link is good.
const LIFETIME: Duration = Duration::days(7);

/// Writes that the user is told of a sign-in. Returns the token of the link.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn insert(conn: &mut DbConnection, user: &User, session: &str, origin: &str) -> Result<String, Error> {
    let (token, at) = (random_url_safe::<TOKEN_BYTES>()?, now());
    diesel::insert_into(notices::table)
        .values((
            notices::token_hash.eq(sha256_hex(&token)),
            notices::user_id.eq(user.id),
            notices::session_id.eq(session),
            notices::origin.eq(origin),
            notices::email_key.eq(&user.email_key),
            notices::created_at.eq(at),
            notices::expires_at.eq(at.saturating_add(LIFETIME)),
        ))
        .execute(conn)?;
    Ok(token)
}

/// Where the sign-ins came from that the user has been told of since a time.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn origins_since(
    conn: &mut DbConnection,
    user: i64,
    since: PrimitiveDateTime,
) -> Result<Vec<String>, Error> {
    let recent = notices::table.filter(notices::user_id.eq(user)).filter(notices::created_at.gt(since));
    Ok(recent.select(notices::origin).load(conn)?)
}

/// The active user and the session that a valid link is about. It is not valid any more once the account has another address than the
/// one that it was mailed to.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut DbConnection, token: &str) -> Result<Option<(User, String)>, Error> {
    Ok(notices::table
        .inner_join(users::table)
        .filter(notices::token_hash.eq(sha256_hex(token)))
        .filter(notices::expires_at.gt(now()))
        .filter(notices::email_key.eq(users::email_key))
        .filter(users::active)
        .select((users::all_columns, notices::session_id))
        .first(conn)
        .optional()?)
}

/// That a user was told of a sign-in.
#[derive(Debug, Clone, Queryable)]
pub struct StoredNotice {
    /// The public id of the session.
    pub session_id: String,
    /// When the user was told, in UTC.
    pub created_at: PrimitiveDateTime,
    /// Until when the link is good, in UTC.
    pub expires_at: PrimitiveDateTime,
}

/// The sign-ins that the user was told of, the oldest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<StoredNotice>, Error> {
    let columns = (notices::session_id, notices::created_at, notices::expires_at);
    let of_user = notices::table.filter(notices::user_id.eq(user));
    Ok(of_user.order(notices::created_at).select(columns).load(conn)?)
}

/// Uses a link up; `false` when somebody else has just done so.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn delete(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    Ok(diesel::delete(notices::table.find(sha256_hex(token))).execute(conn)? == 1)
}

/// Deletes links that have expired, at most `limit`. Returns whether there may be more.
///
/// # Errors
/// [`Error`] when the database fails.
pub(in crate::sessions) fn delete_expired(conn: &mut DbConnection, limit: i64) -> Result<bool, Error> {
    let expired = notices::table.filter(notices::expires_at.le(now())).limit(limit);
    let expired: Vec<String> = expired.select(notices::token_hash).load(conn)?;
    if expired.is_empty() {
        return Ok(false);
    }
    let deleted = diesel::delete(notices::table.filter(notices::token_hash.eq_any(expired))).execute(conn)?;
    Ok(i64::try_from(deleted).unwrap_or(limit) >= limit)
}
