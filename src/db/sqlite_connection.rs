//! Opening the file of SQLite.

use std::{path::Path, time::Duration};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};

use super::{connect_error::ConnectError, errors::is_not_a_database, functions, sqlite_file};

/// A connection to the file, which is made if it is missing. `busy_timeout`: the statement that sets how long a lock is waited for.
pub(super) fn open(path: &Path, busy_timeout: &str) -> Result<SqliteConnection, ConnectError> {
    sqlite_file::make(path)?;
    let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
    conn.batch_execute(&format!("{busy_timeout}; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"))?;
    enable_wal(&mut conn)?;
    sqlite_file::restrict(path)?;
    functions::register(&mut conn)?;
    Ok(conn)
}

/// Switches the file to write-ahead logging, with retries: two connections that switch a new file at the same time
/// refuse each other without waiting, whatever the busy timeout. The second one then finds the file switched.
fn enable_wal(conn: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
    const ATTEMPTS: usize = 100;
    const RETRY_DELAY: Duration = Duration::from_millis(10);
    for _ in 1..ATTEMPTS {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if !is_not_a_database(&error) => {}
            done => return done,
        }
        std::thread::sleep(RETRY_DELAY);
    }
    conn.batch_execute("PRAGMA journal_mode = WAL")
}
