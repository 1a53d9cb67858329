//! Migrations, built into the program.

use diesel::RunQueryDsl as _;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use r2d2::ManageConnection as _;

use super::{
    connect::{Connect, DbConnection},
    transaction::{sqlite_of, transaction},
};
use crate::{config::DatabaseUrl, error::Error};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Any number that nobody else uses as an advisory lock in this database.
const LOCK: i64 = 0x6761_7465;

/// Brings the database to the newest migration. Instances that start together wait for each other.
///
/// # Errors
/// When a migration fails; the ones before it stay.
pub fn migrate(conn: &mut DbConnection) -> Result<usize, Error> {
    match conn {
        DbConnection::Postgres(pg) => {
            diesel::sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(pg)?;
            let done = pg.run_pending_migrations(POSTGRES).map(|ran| ran.len()).map_err(Error::migration);
            diesel::sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(pg)?;
            done
        }
        // The write lock, taken at once, is what the others wait for.
        DbConnection::Sqlite(_) => transaction(conn, |conn| {
            let sqlite = sqlite_of(conn)?;
            sqlite.run_pending_migrations(SQLITE).map(|ran| ran.len()).map_err(Error::migration)
        }),
    }
}

/// Connects to the database and migrates it.
///
/// # Errors
/// When the URL is not one of ours, the database isn't reached or a migration fails.
pub fn migrate_url(url: &str) -> Result<usize, Error> {
    let url = DatabaseUrl::parse(url).ok_or_else(|| Error::bug("not a database URL"))?;
    migrate(&mut Connect::new(url).connect().map_err(Error::unavailable)?)
}
