//! Lists of users with their active sessions.

use time::PrimitiveDateTime;

use super::service::Accounts;
use crate::{
    config::SecondFactor,
    db::DbConnection,
    error::Error,
    sessions::catalogue::{counts::count_active_of, stolen_keys},
    users::{
        Role, User,
        address_tokens::{self, FormerAddress},
        list::{self, Filter, UserSummary},
    },
};

/// A user as lists show them.
#[derive(Debug, Clone)]
pub struct ListedUser {
    /// The user.
    pub user: UserSummary,
    /// How many active sessions they have.
    pub active_sessions: i64,
    /// When somebody else last presented a key of a session of theirs, as long as that session is kept.
    pub key_stolen_at: Option<PrimitiveDateTime>,
    /// Whether the site requires a second factor of them (`SECOND_FACTOR`), and they have none.
    pub lacks_second_factor: bool,
}

impl Accounts {
    /// The users that match, newest first, at most `limit` of those whose id is below `after`; and how many match in all,
    /// counted no further than `most`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn list(
        &self,
        filter: Filter,
        after: Option<i64>,
        limit: i64,
        most: i64,
    ) -> Result<(Vec<ListedUser>, i64), Error> {
        let policy = self.second_factor_policy;
        let read = move |conn: &mut DbConnection| {
            let found = list::page(conn, &filter, after, limit)?;
            Ok((with_sessions(conn, found, policy)?, list::count(conn, &filter, most)?))
        };
        self.db.with_long_timeout().run(read).await
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none with that id.
    pub async fn one(&self, id: i64) -> Result<ListedUser, Error> {
        let policy = self.second_factor_policy;
        let read = move |conn: &mut DbConnection| {
            let found = vec![list::one(conn, id)?];
            with_sessions(conn, found, policy)?.pop().ok_or(Error::NotFound)
        };
        self.db.run(read).await
    }

    /// The addresses that a user had before and can have back, the oldest change first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn former_addresses(&self, id: i64) -> Result<Vec<FormerAddress>, Error> {
        self.db.run(move |conn| address_tokens::former_addresses(conn, id)).await
    }

    /// The user with that address, if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>, Error> {
        let email = email.to_owned();
        self.db.run(move |conn| User::by_email(conn, &email)).await
    }

    /// The name of a user, if there is one with that id.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn name_of(&self, id: i64) -> Result<Option<String>, Error> {
        match self.db.run(move |conn| User::by_id(conn, id)).await {
            Ok(user) => Ok(Some(user.name)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn with_sessions(
    conn: &mut DbConnection,
    users: Vec<UserSummary>,
    policy: SecondFactor,
) -> Result<Vec<ListedUser>, Error> {
    let ids: Vec<i64> = users.iter().map(|user| user.id).collect();
    let (counts, stolen) = (count_active_of(conn, &ids)?, stolen_keys::last_of(conn, &ids)?);
    let listed = |user: UserSummary| ListedUser {
        key_stolen_at: stolen.get(&user.id).copied(),
        active_sessions: counts.get(&user.id).copied().unwrap_or(0),
        lacks_second_factor: !user.second_factor && policy.is_required(user.role == Role::Admin),
        user,
    };
    Ok(users.into_iter().map(listed).collect())
}
