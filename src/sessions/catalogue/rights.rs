//! Checks that a session is an administrator's at the moment of a change.

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
/// authorized, for the rest of its body or for a lock, and for work that goes on after the request.
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
