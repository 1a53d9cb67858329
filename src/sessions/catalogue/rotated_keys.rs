//! The keys that sessions had before their current one. A trigger of the table `sessions` keeps them in the update that replaces
//! them, and the sweep deletes them after a minute.
//!
//! All times are the database's own: instances may disagree about theirs.

use std::time::Duration;

use diesel::{dsl::sql, prelude::*, sql_query, sql_types::Timestamp};
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
    Ok(found.map(|(rotated_at, now, store_key)| Replacement {
        age: Duration::try_from(now - rotated_at).unwrap_or_default(),
        store_key,
    }))
}

/// Deletes the keys that were replaced more than a minute ago.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub(in crate::sessions) fn delete_old(conn: &mut DbConnection) -> Result<(), Error> {
    let minute_ago = match conn {
        DbConnection::Postgres(_) => "clock_timestamp() AT TIME ZONE 'utc' - interval '1 minute'",
        DbConnection::Sqlite(_) => "strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 minute')",
    };
    sql_query(format!("DELETE FROM rotated_keys WHERE rotated_at < {minute_ago}")).execute(conn)?;
    Ok(())
}
