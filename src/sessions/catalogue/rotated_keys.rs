//! The keys that sessions had before their current one. A trigger of the table `sessions` keeps them in the update that replaces
//! them, the newest hundred of each session, and they are deleted after `SESSION_HISTORY`.
//!
//! All times are the database's own: instances may disagree about theirs.

use std::time::Duration;

use diesel::{dsl::sql, prelude::*, sql_types::Timestamp};
use time::PrimitiveDateTime;

use super::predicates::active;
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{rotated_keys, sessions},
    },
    error::Error,
};

/// A key in place of an earlier one.
pub(in crate::sessions) struct Replacement {
    /// How long ago the earlier key was replaced.
    pub age: Duration,
    /// The key that the session has now.
    pub store_key: Option<String>,
}

/// What replaced one of these keys of an active session; of several the latest.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn replacement(
    conn: &mut DbConnection,
    keys: &[String],
) -> Result<Option<Replacement>, Error> {
    let database_time = match conn {
        DbConnection::Postgres(_) => "clock_timestamp() AT TIME ZONE 'utc'",
        DbConnection::Sqlite(_) => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    };
    let found: Option<(PrimitiveDateTime, PrimitiveDateTime, Option<String>)> = rotated_keys::table
        .inner_join(sessions::table.on(sessions::id.eq(rotated_keys::session_id)))
        .filter(rotated_keys::store_key.eq_any(keys))
        .filter(active(now()))
        .order(rotated_keys::rotated_at.desc())
        .select((rotated_keys::rotated_at, sql::<Timestamp>(database_time), sessions::store_key))
        .first(conn)
        .optional()?;
    // A database whose clock was set back has replaced keys in its future: those are not of just now either.
    let replacement = |(rotated_at, now, store_key): (PrimitiveDateTime, PrimitiveDateTime, _)| Replacement {
        age: (now - rotated_at).unsigned_abs(),
        store_key,
    };
    Ok(found.map(replacement))
}

/// Deletes those of a user's sessions, inside the transaction that deletes the account.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub fn delete_of_user(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user)).select(sessions::id);
    diesel::delete(rotated_keys::table.filter(rotated_keys::session_id.eq_any(of_user))).execute(conn)?;
    Ok(())
}
