//! The lock and the check before an administrator is demoted, deactivated or deleted: the site always keeps an active one.

use diesel::prelude::*;

use super::{role::Role, tokens, user::User};
use crate::{
    db::{DbConnection, schema::users},
    error::Error,
};

impl User {
    /// The user, and whether they are the only active administrator; an invited user who has no password yet does not
    /// count as one. Locks the rows of the user and of all active administrators until the transaction ends: two
    /// administrators who demote each other at the same time do so one after the other.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no user with that id.
    pub fn lock_with_administrators(conn: &mut DbConnection, id: i64) -> Result<(Self, bool), Error> {
        let administrators = users::role.eq(Role::Admin).and(users::active);
        // Ordered by id: transactions that lock the same rows in the same order cannot deadlock.
        let rows = users::table.filter(administrators.or(users::id.eq(id))).order(users::id);
        let locked: Vec<Self> = match conn {
            DbConnection::Postgres(pg) => rows.for_no_key_update().load(pg)?,
            // A transaction on SQLite holds the only write lock already.
            DbConnection::Sqlite(sqlite) => rows.load(sqlite)?,
        };
        let (mut matching, others): (Vec<_>, Vec<_>) = locked.into_iter().partition(|user| user.id == id);
        let user = matching.pop().ok_or(Error::NotFound)?;
        let other_ids: Vec<i64> =
            others.iter().filter(|other| other.is_active_administrator()).map(|other| other.id).collect();
        let invited = tokens::invited(conn, &other_ids)?.len();
        let is_only = user.is_active_administrator() && other_ids.len() == invited;
        Ok((user, is_only))
    }

    /// The active administrators but one; invited ones who have no password yet are none.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn administrators_but(conn: &mut DbConnection, id: i64) -> Result<Vec<Self>, Error> {
        let active = users::table.filter(users::role.eq(Role::Admin)).filter(users::active);
        let mut others: Vec<Self> = active.filter(users::id.ne(id)).order(users::id).load(conn)?;
        let ids: Vec<i64> = others.iter().map(|other| other.id).collect();
        let invited = tokens::invited(conn, &ids)?;
        others.retain(|other| !invited.contains(&other.id));
        Ok(others)
    }

    fn is_active_administrator(&self) -> bool {
        self.active && self.role == Role::Admin
    }
}
