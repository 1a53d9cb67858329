//! The row of a user: reading, creating, changing and deleting it.

use diesel::{prelude::*, sql_types::BigInt};
use time::PrimitiveDateTime;

use super::{
    address::{Address, email_key, plain_key},
    address_tokens::keep_for_former_owner,
    name::ShownName,
    role::Role,
    search::search_text,
};
use crate::{
    clock::now,
    db::{DbConnection, schema::users},
    error::Error,
};

/// A row of the table `users`.
#[derive(Clone, Queryable)]
pub struct User {
    /// The user's id.
    pub id: i64,
    /// The name, 1 to 100 characters.
    #[diesel(deserialize_as = ShownName)]
    pub name: String,
    /// The address as it is shown, see [`Address`].
    pub email: String,
    /// The address as it is compared, see [`email_key`]; unique.
    pub email_key: String,
    /// A PHC string.
    pub password_hash: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may sign in.
    pub active: bool,
    /// The number that a sign-in must find unchanged at its end; raised to invalidate sign-ins in progress.
    pub session_epoch: i64,
    /// When the account was created, in UTC.
    pub created_at: PrimitiveDateTime,
    /// When the name, role, password or state was last changed, in UTC.
    pub updated_at: PrimitiveDateTime,
    /// The last sign-in, in UTC.
    pub last_login_at: Option<PrimitiveDateTime>,
    /// When it was proven that the address is the user's, in UTC.
    pub email_confirmed_at: Option<PrimitiveDateTime>,
    /// The text that the user is found by, see [`search_text`]; empty until it is made.
    pub search_text: String,
    /// The user who has the key of this address, if this is another form of an older account's.
    pub same_address_as: Option<i64>,
    /// The address that is to take the place of `email` once it is confirmed.
    pub pending_email: Option<String>,
    /// Whether the password alone is not enough to sign in.
    pub second_factor: bool,
}

/// The values of a user to create.
pub struct NewUser {
    /// 1 to 100 characters.
    pub name: String,
    /// The address as typed.
    pub email: String,
    /// A PHC string.
    pub password_hash: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the address is known to be the user's.
    pub email_confirmed: bool,
}

impl User {
    /// The `session_epoch` of a new user.
    pub const FIRST_EPOCH: i64 = 0;

    /// The user with that address, in any case and form. An account that could not get the key of its address is found by the form
    /// that it was made with, and by no other.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn by_email(conn: &mut DbConnection, email: &str) -> Result<Option<Self>, Error> {
        let plain = plain_key(email);
        // A plan for any list of keys would be one for longer lists than this, and not be kept.
        let either = users::email_key.eq(email_key(email)).or(users::email_key.eq(&plain));
        let found: Vec<Self> = users::table.filter(either).load(conn)?;
        Ok(found.into_iter().max_by_key(|user| user.email_key == plain))
    }

    /// The user with that id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub fn by_id(conn: &mut DbConnection, id: i64) -> Result<Self, Error> {
        Ok(users::table.find(id).first(conn)?)
    }

    /// The user with that id, whose row is locked until the transaction ends.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub fn lock(conn: &mut DbConnection, id: i64) -> Result<Self, Error> {
        let row = users::table.find(id);
        Ok(match conn {
            DbConnection::Postgres(pg) => row.for_no_key_update().first(pg)?,
            // A transaction on SQLite holds the only write lock already.
            DbConnection::Sqlite(sqlite) => row.first(sqlite)?,
        })
    }

    /// Whether there is any user.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn any(conn: &mut DbConnection) -> Result<bool, Error> {
        Ok(diesel::select(diesel::dsl::exists(users::table.select(users::id))).get_result(conn)?)
    }

    /// Whether there is an administrator. The last active one can't be removed, so a site that had one keeps one.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn any_administrator(conn: &mut DbConnection) -> Result<bool, Error> {
        let administrators = users::table.filter(users::role.eq(Role::Admin)).select(users::id);
        Ok(diesel::select(diesel::dsl::exists(administrators)).get_result(conn)?)
    }

    /// An id for a user to be created, which no other gets.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn new_id(conn: &mut DbConnection) -> Result<i64, Error> {
        #[derive(QueryableByName)]
        struct Taken {
            #[diesel(sql_type = BigInt)]
            id: i64,
        }
        let take = match conn {
            DbConnection::Postgres(_) => "SELECT nextval(pg_get_serial_sequence('users', 'id')) AS id",
            DbConnection::Sqlite(_) => {
                // The row is made with the first user.
                diesel::sql_query(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT 'users', 0 \
                     WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'users')",
                )
                .execute(conn)?;
                "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'users' RETURNING seq AS id"
            }
        };
        Ok(diesel::sql_query(take).get_result::<Taken>(conn)?.id)
    }

    /// Creates the user with an id of [`User::new_id`].
    ///
    /// # Errors
    /// [`Error::AddressTaken`] when another user has the address, or can have it back; [`Error::BadRequest`] when it is none.
    pub fn create(conn: &mut DbConnection, id: i64, new: &NewUser) -> Result<Self, Error> {
        let at = now();
        let address = Address::parse(&new.email)
            .ok_or_else(|| Error::BadRequest("This is not an email address.".to_owned()))?;
        let insert = diesel::insert_into(users::table)
            .values((
                users::id.eq(id),
                users::name.eq(&new.name),
                users::search_text.eq(search_text(&new.name, &address.shown, &address.key)),
                users::email.eq(address.shown),
                users::email_key.eq(&address.key),
                users::password_hash.eq(&new.password_hash),
                users::role.eq(new.role),
                users::active.eq(true),
                users::session_epoch.eq(Self::FIRST_EPOCH),
                users::created_at.eq(at),
                users::updated_at.eq(at),
                users::email_confirmed_at.eq(new.email_confirmed.then_some(at)),
            ))
            .returning(users::all_columns);
        let user = insert.get_result(conn).map_err(address_taken)?;
        keep_for_former_owner(conn, &address.key, id)?;
        Ok(user)
    }

    /// Changes the name.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub fn set_name(conn: &mut DbConnection, id: i64, name: &str) -> Result<(), Error> {
        let (email, email_key): (String, String) =
            users::table.find(id).select((users::email, users::email_key)).first(conn)?;
        let search_text = search_text(name, &email, &email_key);
        let set = (users::name.eq(name), users::search_text.eq(search_text), users::updated_at.eq(now()));
        match diesel::update(users::table.find(id)).set(set).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Notes that the address is the user's. Returns whether that was not known before.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn confirm_email(conn: &mut DbConnection, id: i64) -> Result<bool, Error> {
        let unconfirmed = users::table.find(id).filter(users::email_confirmed_at.is_null());
        Ok(diesel::update(unconfirmed).set(users::email_confirmed_at.eq(now())).execute(conn)? > 0)
    }

    /// Notes the address that is to take the place of the user's once it is confirmed, or that none is.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn set_pending_email(conn: &mut DbConnection, id: i64, email: Option<&str>) -> Result<(), Error> {
        diesel::update(users::table.find(id)).set(users::pending_email.eq(email)).execute(conn)?;
        Ok(())
    }

    /// Allows signing in. Returns whether it was forbidden before.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub fn activate(conn: &mut DbConnection, id: i64) -> Result<bool, Error> {
        let inactive = users::table.find(id).filter(users::active.eq(false));
        let set = (users::active.eq(true), users::updated_at.eq(now()));
        let changed = diesel::update(inactive).set(set).execute(conn)? > 0;
        if !changed {
            Self::by_id(conn, id)?;
        }
        Ok(changed)
    }

    /// Deletes the user, and with it their sessions, tokens and notices of sign-ins.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn delete(conn: &mut DbConnection, id: i64) -> Result<(), Error> {
        diesel::delete(users::table.find(id)).execute(conn)?;
        Ok(())
    }

    /// Raises `session_epoch` and returns it: sign-ins in progress start no session.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub fn raise_epoch(conn: &mut DbConnection, id: i64) -> Result<i64, Error> {
        Ok(diesel::update(users::table.find(id))
            .set(users::session_epoch.eq(users::session_epoch + 1))
            .returning(users::session_epoch)
            .get_result(conn)?)
    }
}

/// The error of a statement that gives a user an address.
pub(super) fn address_taken(error: diesel::result::Error) -> Error {
    let error = Error::from(error);
    if error.is_unique_violation() { Error::AddressTaken } else { error }
}
