//! Transactions on either database.

use diesel::connection::{AnsiTransactionManager, Connection as _, TransactionManager as _};

use super::connect::DbConnection;
use crate::error::Error;

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

pub(super) fn sqlite_of(conn: &mut DbConnection) -> Result<&mut diesel::SqliteConnection, Error> {
    match conn {
        DbConnection::Sqlite(sqlite) => Ok(sqlite),
        DbConnection::Postgres(_) => Err(Error::bug("the connection changed its kind")),
    }
}
