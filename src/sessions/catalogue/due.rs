//! Sessions that upkeep has to look at: expired, never stored, over the limit.

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
    /// Its entry in the store, if it got so far.
    pub store_key: Option<String>,
    /// When it ends if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When the absolute limit ends it.
    pub absolute_expires_at: PrimitiveDateTime,
    /// The state, where the catalogue itself holds it.
    pub state: Option<String>,
}

/// Live sessions that the catalogue takes for expired, at most `limit`.
pub fn expired(conn: &mut DbConnection, limit: i64) -> Result<Vec<LiveSession>, Error> {
    Ok(sessions::table
        .filter(not_ended())
        .filter(dsl::expires_at.le(now()))
        .order(dsl::expires_at)
        .limit(limit)
        .select(LiveSession::as_select())
        .load(conn)?)
}

/// Sessions whose sign-in was cut off before the store had their state.
pub fn never_stored(conn: &mut DbConnection, before: PrimitiveDateTime) -> Result<Vec<LiveSession>, Error> {
    Ok(sessions::table
        .filter(not_ended())
        .filter(dsl::store_key.is_null())
        .filter(dsl::created_at.lt(before))
        .select(LiveSession::as_select())
        .load(conn)?)
}

/// Ended sessions whose entry the store has not confirmed deleted, at most `limit`: id and store key.
pub fn unconfirmed(conn: &mut DbConnection, limit: i64) -> Result<Vec<(String, Option<String>)>, Error> {
    Ok(pending_deletions::table.limit(limit).select((pending::session_id, pending::store_key)).load(conn)?)
}

/// Sessions that have not ended, in the order of their ids, at most `limit` after the given one.
pub fn live_after(conn: &mut DbConnection, after: &str, limit: i64) -> Result<Vec<LiveSession>, Error> {
    Ok(sessions::table
        .filter(not_ended())
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(LiveSession::as_select())
        .load(conn)?)
}

/// Postpones the expiry of a session that the store still has.
pub fn postpone(conn: &mut DbConnection, id: &str, expires_at: PrimitiveDateTime) -> Result<(), Error> {
    diesel::update(sessions::table.find(id)).set(dsl::expires_at.eq(expires_at)).execute(conn)?;
    Ok(())
}

/// The user's active sessions beyond the newest `keep`, oldest last: those that a limit ends.
pub fn beyond_limit(conn: &mut DbConnection, user: i64, keep: i64) -> Result<Vec<String>, Error> {
    Ok(sessions::table
        .filter(dsl::user_id.eq(user))
        .filter(not_ended())
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .offset(keep)
        .limit(i64::from(i32::MAX))
        .select(dsl::id)
        .load(conn)?)
}
