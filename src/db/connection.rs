//! The connection type over both databases.

use diesel::{PgConnection, SqliteConnection};

/// A connection to either database; Diesel's DSL works on both.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// Postgres through libpq.
    Postgres(PgConnection),
    /// SQLite, built in.
    Sqlite(SqliteConnection),
}
