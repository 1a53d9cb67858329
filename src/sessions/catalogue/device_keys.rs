//! The keys that sessions are bound to.

use diesel::{dsl::exists, prelude::*};
use time::PrimitiveDateTime;

use super::predicates::{active, not_ended};
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{
            device_keys,
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
};

/// A key that a session is to be bound to.
pub(in crate::sessions) struct NewDeviceKey {
    /// The public session id.
    pub session: String,
    /// The uncompressed point in URL-safe base64.
    pub public_key: String,
    /// When the challenge was made that the browser has proven, in microseconds since 1970.
    pub challenge: i64,
}

/// Stores the key that a session is to be bound to once the browser uses it. Returns `false` when the session has ended or has a key
/// already. To be called in a transaction.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn insert(conn: &mut DbConnection, new: &NewDeviceKey) -> Result<bool, Error> {
    let now = now();
    let live = sessions::table.find(&new.session).filter(not_ended());
    if !diesel::select(exists(live)).get_result::<bool>(conn)? {
        return Ok(false);
    }
    let insert = diesel::insert_into(device_keys::table)
        .values((
            device_keys::session_id.eq(&new.session),
            device_keys::public_key.eq(&new.public_key),
            device_keys::made_at.eq(now),
            device_keys::proved_at.eq(now),
            device_keys::last_challenge.eq(new.challenge),
        ))
        .on_conflict_do_nothing();
    let inserted = match conn {
        DbConnection::Postgres(pg) => insert.execute(pg)?,
        DbConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
    };
    Ok(inserted == 1)
}

/// The key of a session that can be used.
#[derive(Debug, Clone, Queryable)]
pub(in crate::sessions) struct StoredKey {
    /// The uncompressed point in URL-safe base64.
    pub public_key: String,
    /// When the challenge was made that was proven last, in microseconds since 1970.
    pub last_challenge: i64,
    /// Since when the session needs proofs; `None`: the browser has registered the key and not used it yet.
    pub bound_at: Option<PrimitiveDateTime>,
    /// Whose it is.
    pub user_id: i64,
}

/// The key of a session; `None` when it has ended or expired, has none, or its user is deactivated.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn find(conn: &mut DbConnection, session: &str) -> Result<Option<StoredKey>, Error> {
    let usable = device_keys::table
        .inner_join(sessions::table.inner_join(users::table))
        .filter(device_keys::session_id.eq(session))
        .filter(active(now()))
        .filter(dsl::absolute_expires_at.gt(now()))
        .filter(users::active);
    let key = (device_keys::public_key, device_keys::last_challenge, dsl::bound_at, dsl::user_id);
    Ok(usable.select(key).first(conn).optional()?)
}

/// When the key of a session was made, and when it was last proven; `None`: the session has none.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn times(
    conn: &mut DbConnection,
    session: &str,
) -> Result<Option<(PrimitiveDateTime, PrimitiveDateTime)>, Error> {
    let key = device_keys::table.find(session);
    Ok(key.select((device_keys::made_at, device_keys::proved_at)).first(conn).optional()?)
}

/// Records that the browser has proven the challenge that was made then. Returns `false` when one was proven that is as new: then nothing
/// has changed. A session that has just ended is refused whatever stands here.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn prove(
    conn: &mut DbConnection,
    session: &str,
    made_at: i64,
) -> Result<bool, Error> {
    let older = device_keys::table.find(session).filter(device_keys::last_challenge.lt(made_at));
    let set = (device_keys::last_challenge.eq(made_at), device_keys::proved_at.eq(now()));
    Ok(diesel::update(older).set(set).execute(conn)? == 1)
}

/// Binds a session whose browser has used its key for the first time. Returns `false` when it was bound already, or has ended.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn bind(conn: &mut DbConnection, session: &str) -> Result<bool, Error> {
    let unbound = sessions::table.find(session).filter(not_ended()).filter(dsl::bound_at.is_null());
    Ok(diesel::update(unbound).set(dsl::bound_at.eq(now())).execute(conn)? == 1)
}
