//! The site always keeps an active administrator: what must be locked and asked before one goes.

use diesel::prelude::*;

use super::{role::Role, tokens, user::User};
use crate::{
    db::{DbConnection, schema::users},
    error::Error,
};

impl User {
    /// The account, and whether it is the only active administrator's; somebody invited who has no password yet is
    /// none. Until the transaction ends neither it nor any administrator changes: two who demote each other at once
    /// come one after the other.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn lock_with_administrators(conn: &mut DbConnection, id: i64) -> Result<(Self, bool), Error> {
        let administrators = users::role.eq(Role::Admin).and(users::active);
        // In one order, so that two who lock the same rows wait for each other and not in a circle.
        let rows = users::table.filter(administrators.or(users::id.eq(id))).order(users::id);
        let found: Vec<Self> = match conn {
            DbConnection::Postgres(pg) => rows.for_no_key_update().load(pg)?,
            // A transaction on SQLite has the only write lock anyway.
            DbConnection::Sqlite(sqlite) => rows.load(sqlite)?,
        };
        let (mut own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|user| user.id == id);
        let user = own.pop().ok_or(Error::NotFound)?;
        let others = others.iter().filter(|other| other.is_active_administrator());
        let others: Vec<i64> = others.map(|other| other.id).collect();
        let invited = tokens::invited(conn, &others)?.len();
        let only = user.is_active_administrator() && others.len() == invited;
        Ok((user, only))
    }

    fn is_active_administrator(&self) -> bool {
        self.active && self.role == Role::Admin
    }
}
