//! The users, in a table of their own, and how axum-login finds them and verifies their passwords.

use std::{fmt, io};

use anyhow::Result;
use argon2::{Argon2, password_hash::PasswordVerifier as _};
use axum_login::{AuthUser, AuthnBackend, UserId};
use serde::Deserialize;
use sqlx::{FromRow, PgPool, postgres::PgPoolOptions};

/// A copy of Gatehouse's users, since they have the passwords that the clients know.
const TABLE: [&str; 5] = [
    "DROP TABLE IF EXISTS axum_stack_users",
    "CREATE TABLE axum_stack_users AS SELECT id, email, name, password_hash FROM users",
    "ALTER TABLE axum_stack_users ADD PRIMARY KEY (id)",
    "CREATE UNIQUE INDEX ON axum_stack_users (email)",
    "VACUUM ANALYZE axum_stack_users",
];
const BY_ID: &str = "SELECT id, email, name, password_hash FROM axum_stack_users WHERE id = $1";
const BY_EMAIL: &str = "SELECT id, email, name, password_hash FROM axum_stack_users WHERE email = $1";
const IDS: &str = "SELECT id FROM axum_stack_users ORDER BY id";

/// A user.
#[derive(Clone, FromRow)]
pub struct User {
    id: i64,
    pub email: String,
    name: String,
    password_hash: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    /// A session ends when the password changes.
    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes()
    }
}

/// What the form of the sign-in has.
#[derive(Deserialize)]
pub struct Credentials {
    email: String,
    password: String,
}

/// Where users are found.
#[derive(Debug, Clone)]
pub struct Users(PgPool);

/// The session of a request.
pub type AuthSession = axum_login::AuthSession<Users>;

impl Users {
    /// Connects to the database.
    pub async fn connect(postgres: &str) -> Result<Self> {
        // A connection is not asked whether it is alive before each query, as none is by those beside it.
        let options = PgPoolOptions::new().test_before_acquire(false);
        Ok(Self(options.connect(postgres).await?))
    }

    /// Makes the table anew.
    pub async fn create_table(&self) -> Result<()> {
        for statement in TABLE {
            sqlx::query(statement).execute(&self.0).await?;
        }
        Ok(())
    }

    /// The ids of all users.
    pub async fn ids(&self) -> Result<Vec<i64>> {
        Ok(sqlx::query_scalar(IDS).fetch_all(&self.0).await?)
    }
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = io::Error;

    async fn authenticate(&self, credentials: Credentials) -> io::Result<Option<User>> {
        let Credentials { email, password } = credentials;
        let query = sqlx::query_as(BY_EMAIL).bind(email);
        let user: Option<User> = query.fetch_optional(&self.0).await.map_err(io::Error::other)?;
        let verified = tokio::task::spawn_blocking(move || {
            user.filter(|user| {
                Argon2::default().verify_password(password.as_bytes(), user.password_hash.as_str()).is_ok()
            })
        });
        verified.await.map_err(io::Error::other)
    }

    async fn get_user(&self, id: &UserId<Self>) -> io::Result<Option<User>> {
        let query = sqlx::query_as(BY_ID).bind(*id);
        query.fetch_optional(&self.0).await.map_err(io::Error::other)
    }
}
