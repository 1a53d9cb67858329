//! Queries for sessions that upkeep must check, end or delete: expired, never stored, over the limit, not confirmed deleted.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::predicates::not_ended;
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{
            pending_deletions::{self, dsl as pending},
            sessions::{self, dsl},
        },
    },
    error::Error,
};

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct LiveSession {
    /// The public session id.
    pub id: String,
    /// The key of its entry in the store; `None` until the store has its state.
    pub store_key: Option<String>,
    /// When it expires if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When the absolute limit ends it.
    pub absolute_expires_at: PrimitiveDateTime,
    /// The state as JSON, where the catalogue itself is the store.
    pub state: Option<String>,
}

/// Live sessions that have expired according to the catalogue, at most `limit`.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn expired(conn: &mut DbConnection, limit: i64) -> Result<Vec<LiveSession>, Error> {
    Ok(sessions::table
        .filter(not_ended())
        .filter(dsl::expires_at.le(now()))
        .order(dsl::expires_at)
        .limit(limit)
        .select(LiveSession::as_select())
        .load(conn)?)
}

/// Live sessions that started before `before` and whose sign-in was interrupted before the store had their state, at
/// most `limit`.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn never_stored(
    conn: &mut DbConnection,
    before: PrimitiveDateTime,
    limit: i64,
) -> Result<Vec<LiveSession>, Error> {
    Ok(sessions::table
        .filter(not_ended())
        .filter(dsl::store_key.is_null())
        .filter(dsl::created_at.lt(before))
        .limit(limit)
        .select(LiveSession::as_select())
        .load(conn)?)
}

/// Ended sessions whose entries the store has not confirmed deleted, at most `limit`: id and store key.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn unconfirmed(
    conn: &mut DbConnection,
    limit: i64,
) -> Result<Vec<(String, Option<String>)>, Error> {
    Ok(pending_deletions::table.limit(limit).select((pending::session_id, pending::store_key)).load(conn)?)
}

/// Live sessions in the order of their ids, at most `limit`, after the id `after`.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn live_after(
    conn: &mut DbConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<LiveSession>, Error> {
    Ok(sessions::table
        .filter(not_ended())
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(LiveSession::as_select())
        .load(conn)?)
}

/// Changes the expiry of a session that the store still has.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub(in crate::sessions) fn postpone(
    conn: &mut DbConnection,
    id: &str,
    expires_at: PrimitiveDateTime,
) -> Result<(), Error> {
    diesel::update(sessions::table.find(id)).set(dsl::expires_at.eq(expires_at)).execute(conn)?;
    Ok(())
}

/// Makes the user's live sessions end so long after their sign-ins, whatever the requests: their role, and with it that lifetime, was
/// changed.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub fn set_absolute_ttl(conn: &mut DbConnection, user: i64, ttl: time::Duration) -> Result<(), Error> {
    let live: Vec<(String, PrimitiveDateTime, PrimitiveDateTime)> = sessions::table
        .filter(dsl::user_id.eq(user))
        .filter(not_ended())
        .select((dsl::id, dsl::created_at, dsl::expires_at))
        .load(conn)?;
    for (id, created_at, expires_at) in live {
        let end = created_at.saturating_add(ttl);
        let set = (dsl::absolute_expires_at.eq(end), dsl::expires_at.eq(expires_at.min(end)));
        diesel::update(sessions::table.find(id)).filter(not_ended()).set(set).execute(conn)?;
    }
    Ok(())
}

/// The ids of the user's live sessions except the newest `keep`, oldest last: those that a limit ends.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn beyond_limit(
    conn: &mut DbConnection,
    user: i64,
    keep: i64,
) -> Result<Vec<String>, Error> {
    Ok(sessions::table
        .filter(dsl::user_id.eq(user))
        .filter(not_ended())
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .offset(keep)
        .limit(i64::from(i32::MAX))
        .select(dsl::id)
        .load(conn)?)
}
