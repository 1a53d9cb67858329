//! Queries for lists of sessions. One filter serves the administrator's page, the ends that it requests, and
//! the command line.

use std::collections::HashSet;

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    cursor::{Cursor, is_session_id},
    device::DeviceKind,
    end_reason::EndReason,
    filter::{Filter, Order},
    method::Method,
};
use crate::{
    db::{
        DbConnection, Uncached,
        schema::{
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    users::{Role, ShownName},
};

/// A session with its user, as lists show it.
#[derive(Debug, Clone, Queryable)]
pub struct ListedSession {
    /// The public session id.
    pub id: String,
    /// The user's id.
    pub user_id: i64,
    /// When it started.
    pub created_at: PrimitiveDateTime,
    /// When it was last used; up to a minute old.
    pub last_seen_at: PrimitiveDateTime,
    /// When it expires if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When the absolute limit ends it.
    pub absolute_expires_at: PrimitiveDateTime,
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// How it was signed in.
    pub method: Method,
    /// When it was bound to its device; `None`: it is not.
    pub bound_at: Option<PrimitiveDateTime>,
    /// The address that it started from.
    pub ip: String,
    /// The `User-Agent` header at sign-in.
    pub user_agent: String,
    /// The browser's name: "Firefox"; empty when unknown.
    pub browser: String,
    /// The browser's major version: "140"; empty when unknown.
    pub browser_version: String,
    /// The operating system: "Linux"; empty when unknown.
    pub os: String,
    /// What kind of device it runs on.
    pub device: DeviceKind,
    /// The key of its entry in the store; `None` until the store has its state.
    pub store_key: Option<String>,
    /// The state as JSON, where the catalogue itself is the store.
    pub state: Option<String>,
    /// When it ended; `None` when it has not.
    pub ended_at: Option<PrimitiveDateTime>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// What its user reads about its end.
    pub end_message: Option<String>,
    /// What only administrators read about its end.
    pub end_note: Option<String>,
    /// The user who ended it; `None`: the system.
    pub ended_by: Option<i64>,
    /// When somebody else first presented a key of it that leads nowhere.
    pub key_stolen_at: Option<PrimitiveDateTime>,
    /// The user's name.
    #[diesel(deserialize_as = ShownName)]
    pub name: String,
    /// The user's address as typed.
    pub email: String,
    /// The user's role.
    pub role: Role,
}

/// The columns of [`ListedSession`].
macro_rules! listed_columns {
    () => {
        (
            dsl::id,
            dsl::user_id,
            dsl::created_at,
            dsl::last_seen_at,
            dsl::expires_at,
            dsl::absolute_expires_at,
            dsl::remembered,
            dsl::method,
            dsl::bound_at,
            dsl::ip,
            dsl::user_agent,
            dsl::browser,
            dsl::browser_version,
            dsl::os,
            dsl::device,
            dsl::store_key,
            dsl::state,
            dsl::ended_at,
            dsl::end_reason,
            dsl::end_message,
            dsl::end_note,
            dsl::ended_by,
            dsl::key_stolen_at,
            users::name,
            users::email,
            users::role,
        )
    };
}

impl ListedSession {
    /// The position right after this session in a list with that order.
    pub fn cursor(&self, order: Order) -> Cursor {
        let at = match order {
            Order::Seen => self.last_seen_at,
            Order::Started => self.created_at,
            Order::Ended => self.ended_at.unwrap_or(self.last_seen_at),
        };
        Cursor::new(at, self.id.clone())
    }
}

/// The keys of the sessions that match, in that order, at most `limit`, after the cursor.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn page_keys(
    conn: &mut DbConnection,
    filter: &Filter,
    order: Order,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Cursor>, Error> {
    macro_rules! keys {
        ($column:expr) => {
            Uncached(filter.ordered(order, after).limit(limit).select(($column, dsl::id))).load(conn)?
        };
    }
    Ok(match order {
        Order::Seen => keys!(dsl::last_seen_at),
        Order::Started => keys!(dsl::created_at),
        Order::Ended => keys!(dsl::ended_at.assume_not_null()),
    })
}

/// The sessions with these keys that still match, in the order of the keys. Read apart from the keys, because a plan that sorts
/// many sessions to find the page would carry whole rows with their users.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn rows_at(
    conn: &mut DbConnection,
    filter: &Filter,
    keys: &[Cursor],
) -> Result<Vec<ListedSession>, Error> {
    let ids: Vec<&str> = keys.iter().map(Cursor::id).collect();
    let rows = filter.query().filter(dsl::id.eq_any(&ids)).inner_join(users::table);
    let mut rows: Vec<ListedSession> = rows.select(listed_columns!()).load(conn)?;
    rows.sort_by_cached_key(|session| ids.iter().position(|id| *id == session.id));
    Ok(rows)
}

/// One session, active or ended.
///
/// # Errors
/// [`Error::NotFound`] when there is none with that id; [`Error::Unavailable`] when the database can't be read.
pub fn by_id(conn: &mut DbConnection, id: &str) -> Result<ListedSession, Error> {
    if !is_session_id(id) {
        return Err(Error::NotFound);
    }
    Ok(sessions::table
        .inner_join(users::table)
        .filter(dsl::id.eq(id))
        .select(listed_columns!())
        .first(conn)?)
}

/// The sessions of a user, active and ended, in the order of their ids: at most `limit` of those after an id.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn of_user(
    conn: &mut DbConnection,
    user: i64,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedSession>, Error> {
    Ok(sessions::table
        .inner_join(users::table)
        .filter(dsl::user_id.eq(user))
        .filter(dsl::id.gt(after.unwrap_or_default()))
        .order(dsl::id)
        .limit(limit)
        .select(listed_columns!())
        .load(conn)?)
}

/// The sessions with these ids, in no particular order; ids without a session are omitted.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn by_ids(conn: &mut DbConnection, ids: &[String]) -> Result<Vec<ListedSession>, Error> {
    Ok(sessions::table
        .inner_join(users::table)
        .filter(dsl::id.eq_any(ids))
        .select(listed_columns!())
        .load(conn)?)
}

/// Those of these ids that belong to sessions.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn existing<'a>(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<HashSet<String>, Error> {
    let found: Vec<String> = sessions::table.filter(dsl::id.eq_any(ids)).select(dsl::id).load(conn)?;
    Ok(found.into_iter().collect())
}
