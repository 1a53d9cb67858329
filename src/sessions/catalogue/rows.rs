//! Writing the rows of the table `sessions`: one per session ever started.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{device::Device, predicates::not_ended};
use crate::{
    db::{
        DbConnection,
        schema::sessions::{self, dsl},
    },
    error::Error,
    security::{Client, ip_key},
    users::Role,
};

/// A session about to be recorded.
pub struct NewSession<'a> {
    /// The public session id.
    pub id: &'a str,
    /// Whose it is.
    pub user_id: i64,
    /// The words that lists find its user by: see [`person`].
    pub person: &'a str,
    /// Its user's role.
    pub role: Role,
    /// When it began.
    pub at: PrimitiveDateTime,
    /// When it ends if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When it ends whatever happens.
    pub absolute_expires_at: PrimitiveDateTime,
    /// "Remember me".
    pub remembered: bool,
    /// Where from.
    pub client: &'a Client,
}

/// The words that lists of sessions find a user by, as each session keeps them; the name is in lower case. When the user
/// changes, so do they: the database sees to that.
pub fn search_text(name: &str, email_key: &str) -> String {
    format!("{name}\n{email_key}")
}

/// Writes the row, still without a store key: it is on no list until the store holds its state.
pub fn insert(conn: &mut DbConnection, new: &NewSession<'_>) -> Result<(), Error> {
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
            dsl::ip.eq(new.client.ip.to_string()),
            dsl::ip_key.eq(ip_key(new.client.ip)),
            dsl::user_agent.eq(&new.client.user_agent),
            dsl::browser.eq(device.browser),
            dsl::browser_version.eq(device.browser_version),
            dsl::os.eq(device.os),
            dsl::device.eq(device.kind),
        ))
        .execute(conn)?;
    Ok(())
}

/// Gives the session a new key, unless it has ended or no longer has the key that the request came with.
pub fn record_key(
    conn: &mut DbConnection,
    id: &str,
    new: &str,
    old: Option<&str>,
    state: Option<String>,
) -> Result<bool, Error> {
    let live = sessions::table.find(id).filter(not_ended());
    let set = (dsl::store_key.eq(new), dsl::state.eq(state));
    let rows = match old {
        Some(old) => diesel::update(live.filter(dsl::store_key.eq(old))).set(set).execute(conn)?,
        None => diesel::update(live.filter(dsl::store_key.is_null())).set(set).execute(conn)?,
    };
    Ok(rows == 1)
}

/// Whether the session has not ended: for what must not be done by one that ended while the request ran.
pub fn is_live(conn: &mut DbConnection, id: &str) -> Result<bool, Error> {
    let live = sessions::table.find(id).filter(not_ended());
    Ok(diesel::select(diesel::dsl::exists(live)).get_result(conn)?)
}

/// Changes the state of a live session whose state is in the database; one that is gone is not made again.
pub fn update_state(conn: &mut DbConnection, store_key: &str, state: &str) -> Result<bool, Error> {
    let there = sessions::table
        .filter(dsl::store_key.eq(store_key))
        .filter(not_ended())
        .filter(dsl::state.is_not_null());
    Ok(diesel::update(there).set(dsl::state.eq(state)).execute(conn)? == 1)
}
