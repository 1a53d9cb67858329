//! Sign-ins whose password was right, and whose second step is open. The browser has a random token; only its SHA-256 is stored.

use diesel::prelude::*;

use super::{tokens::TokenPurpose, user::User};
use crate::{
    clock::now,
    crypto::{random_url_safe, sha256_hex},
    db::{
        DbConnection,
        schema::{tokens, users},
    },
    error::Error,
};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// Most second steps of one user that are open at the same time; the oldest makes way.
const MOST: usize = 20;

/// Opens a second step; returns its token.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn open(conn: &mut DbConnection, user: i64) -> Result<String, Error> {
    let (token, at) = (random_url_safe::<TOKEN_BYTES>()?, now());
    let of_user =
        tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::purpose.eq(TokenPurpose::SecondStep));
    let older: Vec<String> =
        of_user.order(tokens::created_at.desc()).select(tokens::token_hash).load(conn)?;
    if let Some(too_many) = older.get(MOST - 1..) {
        diesel::delete(tokens::table.filter(tokens::token_hash.eq_any(too_many))).execute(conn)?;
    }
    diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(sha256_hex(&token)),
            tokens::purpose.eq(TokenPurpose::SecondStep),
            tokens::user_id.eq(user),
            tokens::created_at.eq(at),
            tokens::expires_at.eq(at.saturating_add(TokenPurpose::SecondStep.lifetime())),
        ))
        .execute(conn)?;
    Ok(token)
}

/// The active user whose second step is open and who has not been changed since: the `session_epoch` is the same.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn owner(conn: &mut DbConnection, token: &str, epoch: i64) -> Result<Option<User>, Error> {
    Ok(tokens::table
        .inner_join(users::table)
        .filter(tokens::token_hash.eq(sha256_hex(token)))
        .filter(tokens::purpose.eq(TokenPurpose::SecondStep))
        .filter(tokens::expires_at.gt(now()))
        .filter(users::active)
        .filter(users::session_epoch.eq(epoch))
        .select(users::all_columns)
        .first(conn)
        .optional()?)
}

/// Closes a second step; `false`: it was not open any more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn close(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    let open = tokens::table
        .find(sha256_hex(token))
        .filter(tokens::purpose.eq(TokenPurpose::SecondStep))
        .filter(tokens::expires_at.gt(now()));
    Ok(diesel::delete(open).execute(conn)? == 1)
}
