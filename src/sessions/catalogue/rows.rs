//! Writes the rows of the table `sessions`: one per session ever started.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    cursor::is_session_id,
    device::Device,
    method::Method,
    predicates::{ended_or_not, not_ended},
};
use crate::{
    db::{
        DbConnection,
        schema::sessions::{self, dsl},
    },
    error::Error,
    security::{Client, ip_key},
    users::Role,
};

/// A session to be recorded.
pub(in crate::sessions) struct NewRow<'a> {
    /// The public session id.
    pub id: &'a str,
    /// The user's id.
    pub user_id: i64,
    /// The text by which lists find the user: see [`crate::users::search_text`].
    pub person: &'a str,
    /// The user's role.
    pub role: Role,
    /// When it starts.
    pub at: PrimitiveDateTime,
    /// When it expires if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When the absolute limit ends it.
    pub absolute_expires_at: PrimitiveDateTime,
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// How it was signed in.
    pub method: Method,
    /// The client that signed in.
    pub client: &'a Client,
    /// The store key of its state.
    pub store_key: &'a str,
    /// The state as JSON, where the catalogue itself is the store.
    pub state: Option<&'a str>,
}

/// Writes the row of a session whose state is stored.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub(in crate::sessions) fn insert(conn: &mut DbConnection, new: &NewRow<'_>) -> Result<(), Error> {
    let device = Device::parse(&new.client.user_agent);
    diesel::insert_into(sessions::table)
        .values((
            dsl::id.eq(new.id),
            dsl::user_id.eq(new.user_id),
            dsl::person.eq(new.person),
            dsl::role.eq(new.role),
            dsl::created_at.eq(new.at),
            dsl::last_seen_at.eq(new.at),
            dsl::expires_at.eq(new.expires_at),
            dsl::absolute_expires_at.eq(new.absolute_expires_at),
            dsl::remembered.eq(new.remembered),
            dsl::method.eq(new.method),
            dsl::ip.eq(new.client.ip.to_string()),
            dsl::ip_key.eq(ip_key(new.client.ip)),
            dsl::user_agent.eq(&new.client.user_agent),
            dsl::browser.eq(device.browser),
            dsl::browser_version.eq(device.browser_version),
            dsl::os.eq(device.os),
            dsl::device.eq(device.kind),
            dsl::store_key.eq(new.store_key),
            dsl::state.eq(new.state),
        ))
        .execute(conn)?;
    Ok(())
}

/// Replaces the store key of a session. Returns `false` when the session has ended or no longer has the store key that the
/// request came with, `old`.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub(in crate::sessions) fn replace_key(
    conn: &mut DbConnection,
    id: &str,
    new: &str,
    old: &str,
    state: Option<String>,
) -> Result<bool, Error> {
    let unchanged = sessions::table.find(id).filter(not_ended()).filter(dsl::store_key.eq(old));
    let set = (dsl::store_key.eq(new), dsl::state.eq(state));
    Ok(diesel::update(unchanged).set(set).execute(conn)? == 1)
}

/// Locks the row of a session until the transaction ends.
///
/// # Errors
/// [`Error::NotFound`] when there is none with that id; [`Error::Unavailable`] when the database can't be read.
pub fn lock(conn: &mut DbConnection, id: &str) -> Result<(), Error> {
    if !is_session_id(id) {
        return Err(Error::NotFound);
    }
    let row = sessions::table.find(id).select(dsl::id);
    let _: String = match conn {
        DbConnection::Postgres(pg) => row.for_no_key_update().first(pg)?,
        // A transaction on SQLite holds the only write lock already.
        DbConnection::Sqlite(sqlite) => row.first(sqlite)?,
    };
    Ok(())
}

/// Whether the session has not ended: for changes that must not be made by a session that ended while the request ran.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn is_live(conn: &mut DbConnection, id: &str) -> Result<bool, Error> {
    let live = sessions::table.find(id).filter(not_ended());
    Ok(diesel::select(diesel::dsl::exists(live)).get_result(conn)?)
}

/// Whether one of these store keys is that of a session of another user, active or ended.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn is_other_persons(
    conn: &mut DbConnection,
    store_keys: &[String],
    user: i64,
) -> Result<bool, Error> {
    let of_keys = sessions::table.filter(dsl::store_key.eq_any(store_keys)).filter(ended_or_not());
    let of_others = of_keys.filter(dsl::user_id.ne(user));
    Ok(diesel::select(diesel::dsl::exists(of_others)).get_result(conn)?)
}

/// Whether a client has started a session since a time that has not ended.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn has_started(
    conn: &mut DbConnection,
    client: &Client,
    since: PrimitiveDateTime,
) -> Result<bool, Error> {
    let started = sessions::table
        .filter(not_ended())
        .filter(dsl::created_at.gt(since))
        .filter(dsl::ip.eq(client.ip.to_string()))
        .filter(dsl::user_agent.eq(&client.user_agent));
    Ok(diesel::select(diesel::dsl::exists(started)).get_result(conn)?)
}

/// Updates the state of a live session whose state is in the database. Returns `false` when there is none with this store key.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub(in crate::sessions) fn update_state(
    conn: &mut DbConnection,
    store_key: &str,
    state: &str,
) -> Result<bool, Error> {
    // The end of a session removes its state.
    let stored = sessions::table.filter(dsl::store_key.eq(store_key)).filter(dsl::state.is_not_null());
    Ok(diesel::update(stored).set(dsl::state.eq(state)).execute(conn)? == 1)
}
