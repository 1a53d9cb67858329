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

/// The session of an administrator who may administer, to be checked again by what has waited since the request was authorized, for
/// the rest of its body or for a lock, and by work that goes on after the request.
#[derive(Debug, Clone)]
pub struct AdminRights {
    /// The public id of the session.
    pub session: String,
    /// Whether the site requires a second factor of administrators (`SECOND_FACTOR`).
    pub second_factor_required: bool,
}

impl AdminRights {
    /// Checks that the session still is that of an active administrator.
    ///
    /// # Errors
    /// Those that the first check has: [`Error::SignInFirst`] when the session has ended or its user is deactivated,
    /// [`Error::Forbidden`] when the user is no longer an administrator, [`Error::SecondFactorMissing`] without the second factor
    /// that is required. [`Error::Unavailable`] when the database can't be read.
    pub fn check(&self, conn: &mut DbConnection) -> Result<(), Error> {
        let user: Option<(Role, bool)> = sessions::table
            .find(&self.session)
            .inner_join(users::table)
            .filter(not_ended())
            .filter(dsl::absolute_expires_at.gt(now()))
            .filter(users::active)
            .select((users::role, users::second_factor))
            .first(conn)
            .optional()?;
        match user {
            None => Err(Error::SignInFirst),
            Some((_, false)) if self.second_factor_required => Err(Error::SecondFactorMissing),
            Some((Role::Admin, _)) => Ok(()),
            Some((Role::User, _)) => Err(Error::administrators_only()),
        }
    }
}
