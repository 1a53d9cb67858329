//! The user: finding, registering, and the proof of the password.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    password::{Passwords, Verdict},
    tokens,
};
use crate::{
    db::{Db, DbConnection, now, schema::users},
    error::Error,
};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Signs in, sees their own pages and sessions.
    User,
    /// Sees and ends everyone's sessions too.
    Admin,
}

impl Role {
    /// The name in the table, in forms and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "user" => Some(Self::User),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// An account as it is stored.
#[derive(Clone, Queryable)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub email_key: String,
    pub password_hash: String,
    pub role: String,
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
                users::role.eq(new.role.name()),
                users::active.eq(true),
                users::session_epoch.eq(0),
                users::created_at.eq(at),
                users::updated_at.eq(at),
            ))
            .returning(users::all_columns)
            .get_result(conn)?)
    }

    /// The account, and whether it is the only active administrator's; somebody invited who has no password yet is
    /// none. Until the transaction ends neither it nor any administrator changes: two who demote each other at once
    /// come one after the other.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub fn lock_with_administrators(conn: &mut DbConnection, id: i64) -> Result<(Self, bool), Error> {
        let administrators = users::role.eq(Role::Admin.name()).and(users::active);
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
        self.active && self.role == Role::Admin.name()
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

/// The active account that address and password belong to, or `None`: nothing says which of them was wrong,
/// and an unknown address takes as long.
pub async fn authenticate(
    db: &Db,
    passwords: &Passwords,
    email: &str,
    password: String,
) -> Result<Option<User>, Error> {
    let address = email.to_owned();
    let user = db.run(move |conn| User::by_email(conn, &address)).await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let verdict = passwords.verify(password, hash).await?;
    let Some(user) = user.filter(|user| user.active) else {
        return Ok(None);
    };
    match verdict {
        Verdict::Wrong => Ok(None),
        Verdict::Right => Ok(Some(user)),
        Verdict::RightRehashed(hash) => {
            let (id, old) = (user.id, user.password_hash.clone());
            db.run(move |conn| {
                let same = users::table.filter(users::id.eq(id)).filter(users::password_hash.eq(old));
                Ok(diesel::update(same).set(users::password_hash.eq(hash)).execute(conn)?)
            })
            .await?;
            Ok(Some(user))
        }
    }
}
