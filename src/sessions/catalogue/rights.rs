//! Whether somebody is an administrator at the moment of a change.

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

/// Looks once more whether the session is an active administrator's, where the request has waited since it was let in:
/// for the rest of its body, for a lock.
///
/// # Errors
/// What would not have let it in: [`Error::SignInFirst`] when the session has ended or its user may not sign in any
/// more, [`Error::Forbidden`] when the user is no administrator any more.
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

/// Looks whether a user is an active administrator, for work that goes on after the request that began it.
///
/// # Errors
/// [`Error::Forbidden`] when not.
pub fn check_still_administrator(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    let administrator = users::table.find(user).filter(users::active).filter(users::role.eq(Role::Admin));
    match diesel::select(diesel::dsl::exists(administrator)).get_result(conn)? {
        true => Ok(()),
        false => Err(Error::administrators_only()),
    }
}
