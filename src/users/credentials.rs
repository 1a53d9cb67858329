//! Changes of what an account is signed in to with, or of what it may do. Each withdraws the one-time links that were made before, as
//! the WSTG asks (WSTG-ATHN-09), and a change of the address that waits to be confirmed, and raises `session_epoch`: sign-ins in progress
//! start no session. Left are links that prove the address of the account, and those that give back an earlier one: whoever has taken
//! over an account must not be able to withdraw them.
//!
//! The user's row is always written first, so that a link that is made or used at the same time waits.

use diesel::prelude::*;

use super::{
    address::Address,
    address_tokens::keep_for_former_owner,
    role::Role,
    search::search_text,
    tokens, trusted_browsers,
    user::{User, address_taken},
};
use crate::{
    clock::now,
    db::{DbConnection, schema::users},
    error::Error,
};

impl User {
    /// Changes the role. Each session rotates its key at its next request.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn set_role(conn: &mut DbConnection, id: i64, role: Role) -> Result<(), Error> {
        diesel::update(users::table.find(id))
            .set((
                users::role.eq(role),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
                users::pending_email.eq(None::<String>),
            ))
            .execute(conn)?;
        tokens::expire_all(conn, id)
    }

    /// Forbids signing in.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn deactivate(conn: &mut DbConnection, id: i64) -> Result<(), Error> {
        diesel::update(users::table.find(id))
            .set((
                users::active.eq(false),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
                users::pending_email.eq(None::<String>),
            ))
            .execute(conn)?;
        tokens::expire_all(conn, id)
    }

    /// Replaces the password hash if it still is `old_hash`, which the user has proven to know. Returns the new `session_epoch`, or
    /// `None` when the password has been changed since.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn change_password(
        conn: &mut DbConnection,
        id: i64,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<Option<i64>, Error> {
        let unchanged = users::table.find(id).filter(users::password_hash.eq(old_hash));
        let epoch = diesel::update(unchanged)
            .set((
                users::password_hash.eq(new_hash),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
                users::pending_email.eq(None::<String>),
            ))
            .returning(users::session_epoch)
            .get_result(conn)
            .optional()?;
        if epoch.is_some() {
            trusted_browsers::forget_all(conn, id)?;
            tokens::delete_all(conn, id)?;
        }
        Ok(epoch)
    }

    /// Sets the password hash without a check of the old one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub fn set_password(conn: &mut DbConnection, id: i64, hash: &str) -> Result<(), Error> {
        let set = (
            users::password_hash.eq(hash),
            users::session_epoch.eq(users::session_epoch + 1),
            users::updated_at.eq(now()),
            users::pending_email.eq(None::<String>),
        );
        match diesel::update(users::table.find(id)).set(set).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => {
                trusted_browsers::forget_all(conn, id)?;
                tokens::delete_all(conn, id)
            }
        }
    }

    /// Says whether the password alone is enough to sign in from now on, after a change of the second factors. Returns the new
    /// `session_epoch`; `None`: it was raised since `epoch`.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn set_second_factor(
        conn: &mut DbConnection,
        id: i64,
        epoch: i64,
        has_one: bool,
    ) -> Result<Option<i64>, Error> {
        let unchanged = users::table.find(id).filter(users::session_epoch.eq(epoch));
        let set = (
            users::second_factor.eq(has_one),
            users::session_epoch.eq(users::session_epoch + 1),
            users::updated_at.eq(now()),
            users::pending_email.eq(None::<String>),
        );
        let epoch =
            diesel::update(unchanged).set(set).returning(users::session_epoch).get_result(conn).optional()?;
        if epoch.is_some() {
            tokens::expire_all(conn, id)?;
        }
        Ok(epoch)
    }

    /// Replaces the address with one that has been proven to be the user's, whose row is locked. Each session rotates its key at its
    /// next request. Returns the new `session_epoch`.
    ///
    /// # Errors
    /// [`Error::AddressTaken`] when another user has the address, or can have it back.
    pub fn set_email(conn: &mut DbConnection, user: &Self, address: &Address) -> Result<i64, Error> {
        let at = now();
        let epoch = diesel::update(users::table.find(user.id))
            .set((
                users::email.eq(&address.shown),
                users::email_key.eq(&address.key),
                users::search_text.eq(search_text(&user.name, &address.shown, &address.key)),
                users::email_confirmed_at.eq(at),
                users::pending_email.eq(None::<String>),
                users::same_address_as.eq(None::<i64>),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(at),
            ))
            .returning(users::session_epoch)
            .get_result(conn)
            .map_err(address_taken)?;
        keep_for_former_owner(conn, &address.key, user.id)?;
        tokens::expire_all(conn, user.id)?;
        Ok(epoch)
    }
}
