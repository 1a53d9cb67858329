//! Opening connections, and the connection manager of the pool.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _, r2d2::R2D2Connection as _};

use super::{
    connect_error::ConnectError,
    connection::DbConnection,
    errors::is_not_a_database,
    own_session::{self, MarkedConnection},
    sqlite_connection, sqlite_file,
    timeline::NewestTimeline,
};
use crate::{
    config::{DatabaseUrl, PostgresUrl},
    error::Error,
};

/// Makes connections for the pool. Diesel's own manager would guess the database by trying one after the
/// other, and create a SQLite file named after the Postgres URL while Postgres is down.
#[derive(Clone)]
pub struct Connector {
    url: DatabaseUrl,
    /// Longest time for connecting, in seconds.
    connect_timeout: u64,
    /// Longest wait for a lock; `None` is no limit on Postgres and 5 seconds on SQLite.
    lock_timeout: Option<Duration>,
    /// For the pool, which asks again at once for what it lacks: the last refusal.
    last_refusal: Option<Arc<Mutex<Option<Refusal>>>>,
    /// Whether connections were found to share sessions of the server, and not yet found to have their own again.
    shares_sessions: Arc<AtomicBool>,
    newest_timeline: Arc<NewestTimeline>,
}

/// A connection that the database did not give.
struct Refusal {
    at: Instant,
    reason: String,
}

/// How long the pool does not ask for more connections after a refusal. Where the database gives fewer than the pool would have, it
/// would ask without end.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// How long the pool keeps a connection at most. Of several servers, a new one finds out whether another has become the primary.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 60);
const LONGEST_LIFE_OF_SEVERAL: Duration = Duration::from_secs(2 * 60);

/// Least connect timeout; a shorter one is of no use over a network.
const MIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

impl Connector {
    /// A connector for commands and migrations: connecting takes at most 10 seconds, locks have the default timeout.
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            connect_timeout: 10,
            lock_timeout: None,
            last_refusal: None,
            shares_sessions: Arc::default(),
            newest_timeline: Arc::default(),
        }
    }

    /// A connector for work that a request waits for. The lock timeout is three quarters of `timeout`, so that the
    /// statement fails before the caller gives up on the connection.
    pub fn with_timeouts(url: DatabaseUrl, timeout: Duration) -> Self {
        let seconds = (timeout * 2).max(MIN_CONNECT_TIMEOUT).as_millis().div_ceil(1_000);
        Self {
            url,
            connect_timeout: seconds.try_into().unwrap_or(u64::MAX),
            lock_timeout: Some(timeout * 3 / 4),
            last_refusal: None,
            shares_sessions: Arc::default(),
            newest_timeline: Arc::default(),
        }
    }

    /// This connector for a pool: it pauses after a refusal.
    pub(super) fn with_pauses(self) -> Self {
        Self { last_refusal: Some(Arc::default()), ..self }
    }

    /// This connector with the default lock timeout: instances that start together migrate one after the other.
    pub(super) fn with_default_lock_timeout(self) -> Self {
        Self { lock_timeout: None, ..self }
    }

    /// Connects for the first time: what can never work is an error of its own, also a pooler that lends a session of the server for one
    /// transaction at a time.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] when it can never work; [`Error::Unavailable`] when the database is not reached.
    pub fn connect_first(&self) -> Result<MarkedConnection, Error> {
        let DatabaseUrl::Sqlite(path) = &self.url else {
            let mut conn = self.open().map_err(Error::unavailable)?;
            // Where the database gives no second connection, it can't be told yet.
            if let Ok(mut other) = self.open()
                && !own_session::are_apart(&mut conn, &mut other)?
            {
                return Err(Error::misconfigured("DATABASE_URL", own_session::SHARED.to_owned()));
            }
            return Ok(conn);
        };
        sqlite_file::check(path)?;
        let conn = self.open().map_err(|error| match error {
            ConnectError::Query(error) if is_not_a_database(&error) => {
                sqlite_file::misconfigured(path, "is not a database of SQLite")
            }
            error => Error::unavailable(error),
        })?;
        sqlite_file::restrict_folder(path).map_err(Error::unavailable)?;
        Ok(conn)
    }

    /// How long the pool keeps a connection at most.
    pub(super) fn longest_life(&self) -> Duration {
        match &self.url {
            DatabaseUrl::Postgres(url) if url.has_several_hosts() => LONGEST_LIFE_OF_SEVERAL,
            _ => LONGEST_LIFE,
        }
    }

    /// How often another primary has taken over, where `DATABASE_URL` names several hosts.
    pub(super) fn takeovers(&self) -> u64 {
        self.newest_timeline.takeovers()
    }

    /// Whether the connection leads to the newest primary that is known.
    pub(super) fn is_of_newest_primary(&self, conn: &MarkedConnection) -> bool {
        conn.takeovers() == self.takeovers()
    }

    /// Whether connections share sessions of the server, as far as is known.
    pub(super) fn shares_sessions(&self) -> bool {
        self.shares_sessions.load(Ordering::Acquire)
    }

    /// Connects, and looks whether connections have sessions of their own again if they had not.
    pub(super) fn connect_again(&self) -> Result<MarkedConnection, ConnectError> {
        let mut conn = self.open()?;
        if self.shares_sessions() {
            if !own_session::are_apart(&mut conn, &mut self.open()?)? {
                return Err(ConnectError::SharedSession);
            }
            self.shares_sessions.store(false, Ordering::Release);
        }
        Ok(conn)
    }

    /// The text for libpq with timeouts that libpq does not set by itself: a connection whose peer disappears without closing it
    /// fails after seconds, not after hours. Parameters that the operator's URL sets are kept.
    fn with_limits(&self, url: &PostgresUrl) -> String {
        url.with_defaults(&[
            ("fallback_application_name", "gatehouse"),
            ("connect_timeout", &self.connect_timeout.to_string()),
            ("keepalives_idle", "5"),
            ("keepalives_interval", "2"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
        ])
    }
}

impl Connector {
    /// Gives a connection that another connector has made the lock timeout of this one.
    pub(super) fn limit_locks(&self, conn: &mut DbConnection) -> diesel::QueryResult<()> {
        match conn {
            DbConnection::Postgres(pg) => pg.batch_execute(&self.postgres_lock_timeout()),
            DbConnection::Sqlite(sqlite) => sqlite.batch_execute(&self.sqlite_busy_timeout()),
        }
    }

    fn postgres_lock_timeout(&self) -> String {
        format!("SET lock_timeout = {}", self.lock_timeout.map_or(0, |timeout| timeout.as_millis().max(1)))
    }

    fn sqlite_busy_timeout(&self) -> String {
        let millis = self.lock_timeout.map_or(5_000, |timeout| timeout.as_millis());
        format!("PRAGMA busy_timeout = {millis}")
    }

    /// A new connection, apart from what is known of its server.
    ///
    /// # Errors
    /// Why the database gives none.
    pub fn connect(&self) -> Result<DbConnection, ConnectError> {
        self.open().map(MarkedConnection::into_inner)
    }

    /// A new connection.
    pub(super) fn open(&self) -> Result<MarkedConnection, ConnectError> {
        match &self.url {
            DatabaseUrl::Postgres(url) => {
                let mut conn = PgConnection::establish(&self.with_limits(url))?;
                // What another client has prepared in this session, if a pooler lends it on as it is.
                conn.batch_execute("DEALLOCATE ALL")?;
                let takeovers = if url.has_several_hosts() {
                    self.newest_timeline.admit(&mut conn).ok_or(ConnectError::OldPrimary)?
                } else {
                    0
                };
                let lock_timeout = self.postgres_lock_timeout();
                // Parallel workers would take cores from other requests and start more slowly than a page may take.
                // An SSD reads a random page as quickly as the next one.
                Ok(MarkedConnection::postgres(
                    conn,
                    &format!(
                        "SET TIME ZONE 'UTC'; {lock_timeout}; SET max_parallel_workers_per_gather = 0; SET jit = off; \
                         SET random_page_cost = 1.1"
                    ),
                    takeovers,
                )?)
            }
            DatabaseUrl::Sqlite(path) => {
                sqlite_connection::open(path, &self.sqlite_busy_timeout()).map(MarkedConnection::sqlite)
            }
        }
    }
}

impl r2d2::ManageConnection for Connector {
    type Connection = MarkedConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<MarkedConnection, ConnectError> {
        let Some(last_refusal) = &self.last_refusal else { return self.open() };
        let refusal = || last_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Refusal { at, reason }) = &*refusal()
            && at.elapsed() < PAUSE_AFTER_REFUSAL
        {
            return Err(ConnectError::Paused(reason.clone()));
        }
        self.open().inspect_err(|error| {
            *refusal() = Some(Refusal { at: Instant::now(), reason: error.to_string() });
        })
    }

    fn is_valid(&self, conn: &mut MarkedConnection) -> Result<(), ConnectError> {
        if !self.is_of_newest_primary(conn) {
            return Err(ConnectError::OldPrimary);
        }
        if conn.has_own_session_lately()? {
            return Ok(());
        }
        if !self.shares_sessions.swap(true, Ordering::AcqRel) {
            tracing::error!("DATABASE_URL {}", own_session::SHARED);
        }
        Err(ConnectError::SharedSession)
    }

    fn has_broken(&self, conn: &mut MarkedConnection) -> bool {
        conn.is_broken()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(text: &str, timeout: Duration) -> String {
        let url = DatabaseUrl::parse(text).unwrap();
        let connector = Connector::with_timeouts(url.clone(), timeout);
        match &url {
            DatabaseUrl::Postgres(url) => connector.with_limits(url),
            DatabaseUrl::Sqlite(_) => panic!("{text} is a file"),
        }
    }

    #[test]
    fn connector_url_gets_missing_limits() {
        let rest = "keepalives_idle=5&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=10000";
        assert_eq!(
            limited("postgres://db/x", Duration::from_millis(250)),
            format!("postgres://db/x?fallback_application_name=gatehouse&connect_timeout=2&{rest}")
        );
        assert_eq!(
            limited("postgres://db/x?application_name=login&connect_timeout=7", Duration::from_secs(9)),
            format!(
                "postgres://db/x?application_name=login&connect_timeout=7&fallback_application_name=gatehouse&{rest}"
            )
        );
    }
}
