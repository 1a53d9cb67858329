//! Running work in a transaction, on either database.

use diesel::connection::{AnsiTransactionManager, Connection as _, TransactionManager as _};

use super::connection::DbConnection;
use crate::error::Error;

/// Runs the work in a transaction, which is rolled back when the work fails. On SQLite the transaction takes the write
/// lock at once: one that reads first and writes later fails as busy whenever another writes in between.
///
/// # Errors
/// The error of the work, or [`Error`] when the transaction can't begin or commit.
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
                    // A full disk has rolled it back already; why the work failed says more than why that did.
                    if let Err(rollback) = AnsiTransactionManager::rollback_transaction(sqlite_of(conn)?) {
                        tracing::debug!(error = %rollback, "a transaction was not rolled back");
                    }
                    Err(error)
                }
            }
        }
    }
}

/// The SQLite connection inside; an error for Postgres.
pub(super) fn sqlite_of(conn: &mut DbConnection) -> Result<&mut diesel::SqliteConnection, Error> {
    match conn {
        DbConnection::Sqlite(sqlite) => Ok(sqlite),
        DbConnection::Postgres(_) => Err(Error::bug("the connection changed its kind")),
    }
}
