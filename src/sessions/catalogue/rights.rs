//! Checks that a user is an administrator at the moment of a change.

use diesel::prelude::*;

use super::predicates::not_ended;
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    users::Role,
};

/// Checks again that the session with this id belongs to an active administrator, for a request that has waited since it was
/// authorized: for the rest of its body, or for a lock.
///
/// # Errors
/// Those that the first check has: [`Error::SignInFirst`] when the session has ended or its user is deactivated,
/// [`Error::Forbidden`] when the user is no longer an administrator. [`Error::Unavailable`] when the database can't be read.
pub fn check_administrator(conn: &mut DbConnection, id: &str) -> Result<(), Error> {
    let role: Option<Role> = sessions::table
        .find(id)
        .inner_join(users::table)
        .filter(not_ended())
        .filter(dsl::absolute_expires_at.gt(now()))
        .filter(users::active)
        .select(users::role)
        .first(conn)
        .optional()?;
    match role {
        None => Err(Error::SignInFirst),
        Some(Role::Admin) => Ok(()),
        Some(Role::User) => Err(Error::administrators_only()),
    }
}

/// Checks that a user is an active administrator, for work that continues after the request that began it.
///
/// # Errors
/// [`Error::Forbidden`] when the user is not; [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn check_still_administrator(
    conn: &mut DbConnection,
    user: i64,
) -> Result<(), Error> {
    let administrator = users::table.find(user).filter(users::active).filter(users::role.eq(Role::Admin));
    let exists: bool = diesel::select(diesel::dsl::exists(administrator)).get_result(conn)?;
    if exists { Ok(()) } else { Err(Error::administrators_only()) }
}
