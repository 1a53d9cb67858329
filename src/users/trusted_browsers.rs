//! Browsers in which a user has asked not to be asked for a second factor again, for 30 days.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    clock::now,
    crypto::sha256_hex,
    db::{DbConnection, schema::trusted_browsers},
    error::Error,
};

/// For how long a browser is trusted.
pub const LIFETIME: time::Duration = time::Duration::days(30);

/// Most browsers that a user may trust; the one that was trusted longest ago makes way.
const MOST: usize = 20;

/// A browser as its user sees it.
#[derive(Queryable)]
pub struct TrustedBrowser {
    /// Browser and system in words.
    pub device: String,
    /// The address that the user had then.
    pub ip: String,
    /// Since when.
    pub created_at: PrimitiveDateTime,
    /// Until when.
    pub expires_at: PrimitiveDateTime,
}

/// Trusts the browser whose cookie holds this token.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn trust(conn: &mut DbConnection, user: i64, token: &str, device: &str, ip: &str) -> Result<(), Error> {
    let (hash, at) = (hash(user, token), now());
    let of_user = trusted_browsers::table.filter(trusted_browsers::user_id.eq(user));
    let older: Vec<String> = of_user
        .filter(trusted_browsers::token_hash.ne(&hash))
        .order(trusted_browsers::created_at.desc())
        .select(trusted_browsers::token_hash)
        .load(conn)?;
    let too_many = older.get(MOST - 1..).unwrap_or_default().iter().chain([&hash]);
    diesel::delete(trusted_browsers::table.filter(trusted_browsers::token_hash.eq_any(too_many)))
        .execute(conn)?;
    diesel::insert_into(trusted_browsers::table)
        .values((
            trusted_browsers::token_hash.eq(&hash),
            trusted_browsers::user_id.eq(user),
            trusted_browsers::device.eq(device),
            trusted_browsers::ip.eq(ip),
            trusted_browsers::created_at.eq(at),
            trusted_browsers::expires_at.eq(at.saturating_add(LIFETIME)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether the user trusts the browser whose cookie holds this token.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn is_trusted(conn: &mut DbConnection, user: i64, token: &str) -> Result<bool, Error> {
    let trusted =
        trusted_browsers::table.find(hash(user, token)).filter(trusted_browsers::expires_at.gt(now()));
    Ok(diesel::select(diesel::dsl::exists(trusted)).get_result(conn)?)
}

/// The browsers that the user trusts, the last first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<TrustedBrowser>, Error> {
    use trusted_browsers::dsl;
    let trusted = dsl::trusted_browsers.filter(dsl::user_id.eq(user)).filter(dsl::expires_at.gt(now()));
    let columns = (dsl::device, dsl::ip, dsl::created_at, dsl::expires_at);
    Ok(trusted.order(dsl::created_at.desc()).select(columns).load(conn)?)
}

/// Trusts none of the user's browsers any more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn forget_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(trusted_browsers::table.filter(trusted_browsers::user_id.eq(user))).execute(conn)?;
    Ok(())
}

/// Deletes what is over, at most `limit`. Returns whether there may be more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn delete_expired(conn: &mut DbConnection, limit: i64) -> Result<bool, Error> {
    let over: Vec<String> = trusted_browsers::table
        .filter(trusted_browsers::expires_at.le(now()))
        .limit(limit)
        .select(trusted_browsers::token_hash)
        .load(conn)?;
    if over.is_empty() {
        return Ok(false);
    }
    let rows = trusted_browsers::table.filter(trusted_browsers::token_hash.eq_any(&over));
    let deleted = diesel::delete(rows).execute(conn)?;
    Ok(i64::try_from(deleted).unwrap_or(limit) >= limit)
}

/// One browser that two people trust has a row for each.
fn hash(user: i64, token: &str) -> String {
    sha256_hex(format!("{user} {token}"))
}
