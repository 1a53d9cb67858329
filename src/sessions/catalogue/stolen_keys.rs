//! Keys that lead nowhere any more: whose they were, and which sessions had one that somebody else has presented.

use std::collections::HashMap;

use diesel::{dsl::max, prelude::*};
use time::PrimitiveDateTime;

use super::{method::Method, predicates::ended_or_not};
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{
            rotated_keys,
            sessions::{self, dsl},
            users,
        },
        text_enum,
    },
    error::Error,
};

text_enum! {
    /// Why a key leads nowhere.
    pub enum DeadKey {
        /// Its session has ended.
        Ended => "ended",
        /// Its session has got another one.
        Rotated => "rotated",
        /// Its session is bound to a device, and it came without the proof of that.
        Unbound => "unbound",
    }
}

impl DeadKey {
    /// What it is, as people read it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ended => "The key of a session that has ended",
            Self::Rotated => "A key that had been replaced",
            Self::Unbound => "A copy of a key that is bound to another device",
        }
    }
}

/// Whose a key is, or was.
#[derive(Debug, Clone, Queryable)]
pub struct KeyOwner {
    /// The public id of the session.
    pub session: String,
    /// The user's id.
    pub user: i64,
    /// The user's `session_epoch`.
    pub epoch: i64,
    /// How the session was signed in.
    pub method: Method,
    /// The address that it started from.
    pub ip: String,
    /// The browser's name.
    pub browser: String,
    /// The operating system.
    pub os: String,
}

/// The columns of [`KeyOwner`].
macro_rules! owner_columns {
    () => {
        (dsl::id, dsl::user_id, users::session_epoch, dsl::method, dsl::ip, dsl::browser, dsl::os)
    };
}

/// Whose these keys are or were, and why each leads nowhere. `unproven`: one of them is of a bound session, and came without a proof.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn owners(
    conn: &mut DbConnection,
    store_keys: &[String],
    unproven: bool,
) -> Result<Vec<(DeadKey, KeyOwner)>, Error> {
    let known: Vec<(bool, KeyOwner)> = sessions::table
        .inner_join(users::table)
        .filter(dsl::store_key.eq_any(store_keys))
        .filter(ended_or_not())
        .select((dsl::ended_at.is_null().and(dsl::bound_at.is_not_null()), owner_columns!()))
        .load(conn)?;
    let rotated: Vec<KeyOwner> = rotated_keys::table
        .inner_join(sessions::table.on(dsl::id.eq(rotated_keys::session_id)))
        .inner_join(users::table.on(users::id.eq(dsl::user_id)))
        .filter(rotated_keys::store_key.eq_any(store_keys))
        .select(owner_columns!())
        .load(conn)?;
    // One that has not ended, and is not bound or was proven, has expired, or the store has lost it.
    let known = known.into_iter().map(|(is_bound, owner)| match is_bound && unproven {
        true => (DeadKey::Unbound, owner),
        false => (DeadKey::Ended, owner),
    });
    Ok(known.chain(rotated.into_iter().map(|owner| (DeadKey::Rotated, owner))).collect())
}

/// Records that a key of a session was presented by somebody else. Returns whether that was the first time.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub fn mark(conn: &mut DbConnection, session: &str) -> Result<bool, Error> {
    let unmarked = sessions::table.find(session).filter(dsl::key_stolen_at.is_null());
    Ok(diesel::update(unmarked).set(dsl::key_stolen_at.eq(now())).execute(conn)? == 1)
}

/// When a key of each of these users was last found to be stolen, by user id; the others are omitted.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn last_of(conn: &mut DbConnection, users: &[i64]) -> Result<HashMap<i64, PrimitiveDateTime>, Error> {
    let times: Vec<(i64, Option<PrimitiveDateTime>)> = sessions::table
        .filter(dsl::user_id.eq_any(users))
        .filter(dsl::key_stolen_at.is_not_null())
        .group_by(dsl::user_id)
        .select((dsl::user_id, max(dsl::key_stolen_at)))
        .load(conn)?;
    Ok(times.into_iter().filter_map(|(user, at)| Some((user, at?))).collect())
}
