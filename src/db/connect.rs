//! One connection type over both databases, and how the pool makes it.

use std::time::Duration;

use diesel::{
    Connection as _, PgConnection, SqliteConnection, connection::SimpleConnection as _,
    r2d2::R2D2Connection as _,
};

use super::functions;
use crate::config::DatabaseUrl;

/// A connection to either database; Diesel's DSL works on both.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// Postgres through libpq.
    Postgres(PgConnection),
    /// SQLite, built in.
    Sqlite(SqliteConnection),
}

/// Makes connections for the pool. Diesel's own manager would guess the database by trying one after the
/// other, and make a SQLite file named after the Postgres URL while Postgres is down.
#[derive(Clone)]
pub struct Connect {
    url: DatabaseUrl,
    /// Longest time for connecting, in seconds.
    connect: u64,
    /// Longest wait for a lock.
    lock: Option<Duration>,
}

/// Shorter than this libpq's limit makes no sense over a network.
const SHORTEST_CONNECT: Duration = Duration::from_secs(2);

impl Connect {
    /// Connections to this database, for work that may wait.
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, connect: 10, lock: None }
    }

    /// Connections to this database for work that somebody waits for: a lock is waited for no longer than three
    /// quarters of the patience, so that the statement fails before whoever waits gives up on the connection.
    pub fn with_timeouts(url: DatabaseUrl, timeout: Duration) -> Self {
        let connect = (timeout * 2).max(SHORTEST_CONNECT).as_millis().div_ceil(1_000);
        Self { url, connect: connect.try_into().unwrap_or(u64::MAX), lock: Some(timeout * 3 / 4) }
    }

    /// The same, but locks are waited for: instances that start together migrate one after the other.
    pub fn waiting_for_locks(self) -> Self {
        Self { lock: None, ..self }
    }

    /// The address for libpq with limits that it doesn't set by itself: a connection whose peer has gone without a
    /// word fails after seconds, not after hours. What the operator's address says wins.
    fn with_limits(&self, url: &str) -> String {
        let connect = self.connect.to_string();
        let mut limited = url.to_owned();
        for (name, value) in [
            ("connect_timeout", connect.as_str()),
            ("keepalives_idle", "5"),
            ("keepalives_interval", "2"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
        ] {
            if !url.contains(&format!("{name}=")) {
                limited.push(if limited.contains('?') { '&' } else { '?' });
                limited.push_str(name);
                limited.push('=');
                limited.push_str(value);
            }
        }
        limited
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
                let mut conn = PgConnection::establish(&self.with_limits(url))?;
                let lock = self.lock.map_or(0, |lock| lock.as_millis().max(1));
                // Helpers for one query are other people's cores, and take longer to start than a page may. A disk without
                // a moving arm reads any page as quickly as the next one.
                conn.batch_execute(&format!(
                    "SET TIME ZONE 'UTC'; SET lock_timeout = {lock}; SET max_parallel_workers_per_gather = 0; SET jit = off; \
                     SET random_page_cost = 1.1"
                ))?;
                Ok(DbConnection::Postgres(conn))
            }
            DatabaseUrl::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                let lock = self.lock.map_or(5_000, |lock| lock.as_millis());
                conn.batch_execute(&format!(
                    "PRAGMA busy_timeout = {lock}; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                ))?;
                write_ahead(&mut conn)?;
                functions::register(&mut conn)?;
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

/// Two that change a new file to write-ahead logging at once refuse each other without waiting, whatever the time
/// limit for locks; the one that comes second finds it changed.
fn write_ahead(conn: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
    const TRIES: usize = 100;
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 1..TRIES {
        if conn.batch_execute("PRAGMA journal_mode = WAL").is_ok() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    conn.batch_execute("PRAGMA journal_mode = WAL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(url: &str, timeout: Duration) -> String {
        Connect::with_timeouts(DatabaseUrl::Postgres(url.to_owned()), timeout).with_limits(url)
    }

    #[test]
    fn an_address_gets_the_limits_it_lacks() {
        let rest = "keepalives_idle=5&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=10000";
        assert_eq!(
            limited("postgres://db/x", Duration::from_millis(250)),
            format!("postgres://db/x?connect_timeout=2&{rest}")
        );
        assert_eq!(
            limited("postgres://db/x?connect_timeout=7", Duration::from_secs(9)),
            format!("postgres://db/x?connect_timeout=7&{rest}")
        );
    }
}
