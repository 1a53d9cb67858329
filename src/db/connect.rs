//! One connection type over both databases, and how the pool makes it.

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _,
    r2d2::R2D2Connection as _,
};

use super::DatabaseUrl;

/// A connection to either database; Diesel's DSL works on both.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// Postgres through libpq.
    Postgres(PgConnection),
    /// SQLite, built in.
    Sqlite(SqliteConnection),
}

diesel::define_sql_function! {
    /// A text in lower case. SQLite's own knows ASCII only, so each connection gets one for all letters.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Makes connections for the pool. Diesel's own manager would guess the database by trying one after the
/// other, and make a SQLite file named after the Postgres URL while Postgres is down.
#[derive(Clone)]
pub struct Connect {
    url: DatabaseUrl,
}

impl Connect {
    /// Connections to this database.
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url }
    }
}

/// Why a connection could not be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The folder of the SQLite file could not be made.
    #[error("the folder of the database: {0}")]
    Folder(#[from] std::io::Error),
    /// The database refused or was not reached.
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    /// It was reached, but the first statements failed.
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

impl r2d2::ManageConnection for Connect {
    type Connection = DbConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<DbConnection, ConnectError> {
        match &self.url {
            DatabaseUrl::Postgres(url) => {
                let mut conn = PgConnection::establish(url)?;
                diesel::sql_query("SET TIME ZONE 'UTC'").execute(&mut conn)?;
                Ok(DbConnection::Postgres(conn))
            }
            DatabaseUrl::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                conn.batch_execute(
                    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                     PRAGMA foreign_keys = ON;",
                )?;
                lower_utils::register_impl(&mut conn, |text: String| text.to_lowercase())?;
                Ok(DbConnection::Sqlite(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut DbConnection) -> Result<(), ConnectError> {
        Ok(conn.ping()?)
    }

    fn has_broken(&self, conn: &mut DbConnection) -> bool {
        conn.is_broken()
    }
}
