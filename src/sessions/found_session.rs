//! What a request needs to know of its session and user, and the statements that read it.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Nullable, Text},
};
use time::PrimitiveDateTime;

use super::catalogue::{method::Method, predicates::not_ended};
use crate::{
    config::SessionKind,
    db::{
        DbConnection, ForEachKey, Prepared,
        schema::{sessions, site_cookies, users},
    },
    error::Error,
    users::{Role, ShownName},
};

/// A session and its user, as the catalogue has them.
#[derive(Debug, Clone, Queryable)]
pub(super) struct FoundSession {
    /// The store key.
    pub store_key: String,
    /// The public session id.
    pub session_id: String,
    /// The user's id.
    pub user_id: i64,
    /// When the session started.
    pub created_at: PrimitiveDateTime,
    /// When the session was last used; up to [`staleness`](super::last_seen::staleness) old.
    pub last_seen_at: PrimitiveDateTime,
    /// When the session expires if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When the absolute limit ends the session.
    pub absolute_expires_at: PrimitiveDateTime,
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// How it was signed in.
    pub method: Method,
    /// The state as JSON, where the catalogue itself is the store.
    pub state: Option<String>,
    /// When it was bound to the device of its browser.
    pub bound_at: Option<PrimitiveDateTime>,
    /// The user's name.
    #[diesel(deserialize_as = ShownName)]
    pub name: String,
    /// The user's address as typed.
    pub email: String,
    /// The user's role.
    pub role: Role,
    /// When the account was created.
    pub user_created_at: PrimitiveDateTime,
    /// The user's last sign-in.
    pub last_login_at: Option<PrimitiveDateTime>,
    /// The user's `session_epoch`.
    pub session_epoch: i64,
    /// When it was proven that the address is the user's.
    pub email_confirmed_at: Option<PrimitiveDateTime>,
    /// The address that is to take its place once it is confirmed.
    pub pending_email: Option<String>,
    /// Whether the password alone is not enough to sign in.
    pub second_factor: bool,
}

impl FoundSession {
    /// What its lifetimes depend on.
    pub(super) fn kind(&self) -> SessionKind {
        SessionKind { remembered: self.remembered, of_admin: self.role == Role::Admin }
    }
}

/// By what a session is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum LookupKey {
    /// The store key.
    Store(String),
    /// The hash of the secret in a site's own cookie.
    SiteCookie(String),
}

/// The sessions that queries found.
pub(super) type FoundSessions = HashMap<LookupKey, Arc<FoundSession>>;

/// The sessions with these keys, unless they have ended or their users are deactivated: one statement for the store keys, which nearly
/// all requests bring, and one for the cookies of sites, if there are any.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(super) fn query(conn: &mut DbConnection, keys: &[&LookupKey]) -> Result<FoundSessions, Error> {
    let (mut store_keys, mut hashes) = (Vec::new(), Vec::new());
    for key in keys {
        match key {
            LookupKey::Store(key) => store_keys.push(key.as_str()),
            LookupKey::SiteCookie(hash) => hashes.push(hash.as_str()),
        }
    }
    let mut found = FoundSessions::new();
    if !store_keys.is_empty() {
        let rows = by_store_key(conn, &store_keys)?;
        found.extend(rows.into_iter().map(|row| (LookupKey::Store(row.store_key.clone()), Arc::new(row))));
    }
    if !hashes.is_empty() {
        let rows = by_site_cookie(conn, &hashes)?;
        found.extend(rows.into_iter().map(|(hash, row)| (LookupKey::SiteCookie(hash), Arc::new(row))));
    }
    Ok(found)
}

/// The columns of [`FoundSession`].
macro_rules! found_columns {
    () => {
        (
            sessions::store_key.assume_not_null(),
            sessions::id,
            sessions::user_id,
            sessions::created_at,
            sessions::last_seen_at,
            sessions::expires_at,
            sessions::absolute_expires_at,
            sessions::remembered,
            sessions::method,
            sessions::state,
            sessions::bound_at,
            users::name,
            users::email,
            users::role,
            users::created_at,
            users::last_login_at,
            users::session_epoch,
            users::email_confirmed_at,
            users::pending_email,
            users::second_factor,
        )
    };
}

/// Filters a query by a column that has any of some keys: on Postgres one statement for any number of them, where `eq_any` would make a
/// new one for each number.
macro_rules! load_with {
    ($conn:expr, $query:expr, $column:expr, $kind:ty, $keys:expr) => {
        match $conn {
            DbConnection::Postgres(pg) => {
                let query = $query.filter($column.eq(sql::<$kind>("keys.key")));
                Prepared(ForEachKey { keys: $keys, query }).load(pg)?
            }
            DbConnection::Sqlite(sqlite) => $query.filter($column.eq_any($keys)).load(sqlite)?,
        }
    };
}

fn by_store_key(conn: &mut DbConnection, keys: &[&str]) -> Result<Vec<FoundSession>, Error> {
    let query = sessions::table.inner_join(users::table).filter(not_ended()).filter(users::active);
    Ok(load_with!(conn, query.select(found_columns!()), sessions::store_key, Nullable<Text>, keys))
}

fn by_site_cookie(conn: &mut DbConnection, hashes: &[&str]) -> Result<Vec<(String, FoundSession)>, Error> {
    let query = site_cookies::table
        .inner_join(sessions::table.inner_join(users::table))
        .filter(not_ended())
        .filter(sessions::store_key.is_not_null())
        .filter(users::active);
    let columns = (site_cookies::secret_hash, found_columns!());
    Ok(load_with!(conn, query.select(columns), site_cookies::secret_hash, Text, hashes))
}
