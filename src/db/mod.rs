//! The database: Postgres or SQLite behind one connection type, pooled.

mod connect;
mod migrate;
#[rustfmt::skip]
pub mod schema;
mod url;

use std::time::Duration;

use actix_web::web;
use diesel::connection::{AnsiTransactionManager, Connection as _, TransactionManager as _};
use time::{OffsetDateTime, PrimitiveDateTime};

pub use connect::{Connect, DbConnection};
pub use migrate::{migrate, migrate_url};
pub use url::DatabaseUrl;

use crate::error::Error;

const POOL_SIZE: u32 = 8;

/// A pool of connections; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Connect>,
}

impl Db {
    /// A pool that connects when first used. `patience` is the longest wait for a connection.
    pub fn new(url: &DatabaseUrl, patience: Duration) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(POOL_SIZE)
            .min_idle(Some(1))
            .connection_timeout(patience)
            .build_unchecked(Connect::new(url.clone()));
        Self { pool }
    }

    /// A connection, for a thread that may block.
    pub fn connection(&self) -> Result<r2d2::PooledConnection<Connect>, Error> {
        self.pool.get().map_err(Error::unavailable)
    }

    /// Runs blocking database work on a thread of its own.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        let db = self.clone();
        web::block(move || work(&mut *db.connection()?)).await.map_err(Error::internal)?
    }

    /// The same in one transaction, rolled back when the work fails.
    pub async fn transaction<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        self.run(|conn| transaction(conn, work)).await
    }
}

/// Runs the work in a transaction. On SQLite the write lock is taken at once: a transaction that reads
/// first and writes later fails there with "database is locked" whenever another one writes in between.
pub fn transaction<T>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    match conn {
        DbConnection::Postgres(_) => conn.transaction(work),
        DbConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
            match work(conn) {
                Ok(value) => {
                    AnsiTransactionManager::commit_transaction(sqlite_of(conn)?)?;
                    Ok(value)
                }
                Err(error) => {
                    AnsiTransactionManager::rollback_transaction(sqlite_of(conn)?)?;
                    Err(error)
                }
            }
        }
    }
}

fn sqlite_of(conn: &mut DbConnection) -> Result<&mut diesel::SqliteConnection, Error> {
    match conn {
        DbConnection::Sqlite(sqlite) => Ok(sqlite),
        DbConnection::Postgres(_) => Err(Error::bug("the connection changed its kind")),
    }
}

/// The current time in UTC, in the precision that both databases keep: microseconds.
pub fn now() -> PrimitiveDateTime {
    let now = OffsetDateTime::now_utc();
    let whole = now.nanosecond() / 1_000 * 1_000;
    let now = now.replace_nanosecond(whole).unwrap_or(now);
    PrimitiveDateTime::new(now.date(), now.time())
}
