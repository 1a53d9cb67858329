//! The migrations, which are built into the program, and running them.

use diesel::{RunQueryDsl as _, dsl::sql, sql_types::Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::{
    connect::Connector,
    connection::DbConnection,
    errors,
    own_session::MarkedConnection,
    preflight,
    transaction::{sqlite_of, transaction},
};
use crate::{config::DatabaseUrl, error::Error};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Key of the advisory lock for migrations on Postgres: any number that no other lock in this database uses.
const MIGRATION_LOCK: i64 = 0x6761_7465;

/// The database lacks migrations that this program needs, and they are run apart.
#[derive(Debug, thiserror::Error)]
#[error("the database lacks {0} migrations; run `gatehouse migrate`")]
struct MigrationsMissing(usize);

impl Error {
    /// How many migrations have to be run before the database can be used, where that is what it lacks.
    pub fn missing_migrations(&self) -> Option<usize> {
        let Self::Unavailable(cause) = self else { return None };
        cause.downcast_ref().map(|MigrationsMissing(count)| *count)
    }
}

/// Connects to a database that was migrated apart.
///
/// # Errors
/// [`Error::Unavailable`] when it lacks migrations ([`Error::missing_migrations`]); else as [`connect_and_migrate`].
pub(super) fn connect_migrated(connector: &Connector) -> Result<MarkedConnection, Error> {
    let mut conn = connector.connect_first()?;
    let missing = match &mut *conn {
        DbConnection::Postgres(pg) => {
            check_encoding(pg)?;
            preflight::pending_on_postgres(pg, &POSTGRES)?
        }
        DbConnection::Sqlite(sqlite) => preflight::pending_on_sqlite(sqlite, &SQLITE)?,
    };
    match missing {
        0 => Ok(conn),
        missing => Err(Error::unavailable(MigrationsMissing(missing))),
    }
}

/// Connects, and runs the pending migrations; returns the connection and their number.
///
/// # Errors
/// [`Error::Misconfigured`] when the database can never work; else as [`migrate`].
pub fn connect_and_migrate(connector: &Connector) -> Result<(MarkedConnection, usize), Error> {
    let mut conn = connector.connect_first()?;
    let ran = migrate(&mut conn)?;
    Ok((conn, ran))
}

/// Runs the pending migrations and returns their number. Instances that start together wait for each other.
///
/// # Errors
/// [`Error::Unavailable`] when the database only reads or can't work now, [`Error::Internal`] when a migration fails or the database can't
/// hold every text; on Postgres the migrations before it stay applied.
pub fn migrate(conn: &mut DbConnection) -> Result<usize, Error> {
    match conn {
        DbConnection::Postgres(pg) => {
            check_encoding(pg)?;
            if !preflight::is_pending(pg, &POSTGRES)? {
                return Ok(0);
            }
            diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).execute(pg)?;
            let ran = pg.run_pending_migrations(POSTGRES).map(|ran| ran.len()).map_err(errors::of_migrations);
            diesel::sql_query(format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})")).execute(pg)?;
            ran
        }
        // `transaction` takes the write lock at once; other instances wait for it.
        DbConnection::Sqlite(_) => transaction(conn, |conn| {
            let sqlite = sqlite_of(conn)?;
            sqlite.run_pending_migrations(SQLITE).map(|ran| ran.len()).map_err(errors::of_migrations)
        }),
    }
}

/// Refuses a database whose encoding is not UTF-8: it could not hold every name, or would not know where its characters begin.
fn check_encoding(pg: &mut diesel::PgConnection) -> Result<(), Error> {
    let encoding: String =
        diesel::select(sql::<Text>("current_setting('server_encoding')")).get_result(pg)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::misconfigured(
        "DATABASE_URL",
        format!(
            "the encoding of the database is {encoding}, but has to be UTF8; make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        ),
    ))
}

/// Connects to the database at a URL and migrates it; returns the number of migrations that ran.
///
/// # Errors
/// [`Error::Unavailable`] when the database is not reached, [`Error::Internal`] when the URL is not a database URL
/// or a migration fails.
pub fn migrate_url(url: &str) -> Result<usize, Error> {
    let url = DatabaseUrl::parse(url).map_err(|reason| Error::bug(&format!("the URL {reason}")))?;
    connect_and_migrate(&Connector::new(url)).map(|(_, ran)| ran)
}
