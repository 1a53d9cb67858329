//! The row of a user: finding, making and changing it.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::role::Role;
use crate::{
    clock::now,
    db::{DbConnection, schema::users},
    error::Error,
};

/// An account as it is stored.
#[derive(Clone, Queryable)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub email_key: String,
    pub password_hash: String,
    pub role: Role,
    pub active: bool,
    pub session_epoch: i64,
    pub created_at: PrimitiveDateTime,
    pub updated_at: PrimitiveDateTime,
    pub last_login_at: Option<PrimitiveDateTime>,
    pub email_confirmed_at: Option<PrimitiveDateTime>,
}

/// An account about to be made.
pub struct NewUser {
    /// 1 to 100 characters.
    pub name: String,
    /// The address as typed.
    pub email: String,
    /// A PHC string.
    pub password_hash: String,
    /// What the user may do.
    pub role: Role,
}

/// The address as it is compared: two that differ in case only are the same.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

impl User {
    /// The account with that address.
    pub fn by_email(conn: &mut DbConnection, email: &str) -> Result<Option<Self>, Error> {
        Ok(users::table.filter(users::email_key.eq(email_key(email))).first(conn).optional()?)
    }

    /// The account with that id.
    pub fn by_id(conn: &mut DbConnection, id: i64) -> Result<Self, Error> {
        Ok(users::table.find(id).first(conn)?)
    }

    /// Whether there is any account yet.
    pub fn any(conn: &mut DbConnection) -> Result<bool, Error> {
        Ok(diesel::select(diesel::dsl::exists(users::table.select(users::id))).get_result(conn)?)
    }

    /// Makes the account.
    ///
    /// # Errors
    /// A unique violation ([`Error::is_unique_violation`]) when the address is taken.
    pub fn create(conn: &mut DbConnection, new: &NewUser) -> Result<Self, Error> {
        let at = now();
        Ok(diesel::insert_into(users::table)
            .values((
                users::name.eq(&new.name),
                users::email.eq(&new.email),
                users::email_key.eq(email_key(&new.email)),
                users::password_hash.eq(&new.password_hash),
                users::role.eq(new.role),
                users::active.eq(true),
                users::session_epoch.eq(0),
                users::created_at.eq(at),
                users::updated_at.eq(at),
            ))
            .returning(users::all_columns)
            .get_result(conn)?)
    }

    /// Changes the name.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn set_name(conn: &mut DbConnection, id: i64, name: &str) -> Result<(), Error> {
        let set = (users::name.eq(name), users::updated_at.eq(now()));
        match diesel::update(users::table.find(id)).set(set).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Changes the role and raises `session_epoch`: sign-ins under way give no session, and each session takes a new key at
    /// its next request.
    pub fn set_role(conn: &mut DbConnection, id: i64, role: Role) -> Result<(), Error> {
        diesel::update(users::table.find(id))
            .set((
                users::role.eq(role),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Forbids signing in and raises `session_epoch`: sign-ins under way give no session.
    pub fn deactivate(conn: &mut DbConnection, id: i64) -> Result<(), Error> {
        diesel::update(users::table.find(id))
            .set((
                users::active.eq(false),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Allows signing in. Returns whether it was forbidden before.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn activate(conn: &mut DbConnection, id: i64) -> Result<bool, Error> {
        let inactive = users::table.find(id).filter(users::active.eq(false));
        let set = (users::active.eq(true), users::updated_at.eq(now()));
        let changed = diesel::update(inactive).set(set).execute(conn)? > 0;
        if !changed {
            Self::by_id(conn, id)?;
        }
        Ok(changed)
    }

    /// Deletes the account, and with it its sessions and tokens.
    pub fn delete(conn: &mut DbConnection, id: i64) -> Result<(), Error> {
        diesel::delete(users::table.find(id)).execute(conn)?;
        Ok(())
    }

    /// Raises the number that sign-ins under way must still find: none that began before gives a session. The
    /// result is the new number.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn raise_epoch(conn: &mut DbConnection, id: i64) -> Result<i64, Error> {
        Ok(diesel::update(users::table.find(id))
            .set(users::session_epoch.eq(users::session_epoch + 1))
            .returning(users::session_epoch)
            .get_result(conn)?)
    }

    /// Replaces the password whose hash was proven and invalidates sign-ins that are under way; the result is the
    /// new `session_epoch`, or `None` when the password has been changed since.
    pub fn change_password(
        conn: &mut DbConnection,
        id: i64,
        proven: &str,
        new: &str,
    ) -> Result<Option<i64>, Error> {
        let unchanged = users::table.find(id).filter(users::password_hash.eq(proven));
        Ok(diesel::update(unchanged)
            .set((
                users::password_hash.eq(new),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
            ))
            .returning(users::session_epoch)
            .get_result(conn)
            .optional()?)
    }

    /// Sets a password whose owner did not prove the old one; the same invalidation. The result is whether the
    /// account is active.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn set_password(conn: &mut DbConnection, id: i64, hash: &str) -> Result<bool, Error> {
        Ok(diesel::update(users::table.find(id))
            .set((
                users::password_hash.eq(hash),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
            ))
            .returning(users::active)
            .get_result(conn)?)
    }
}
