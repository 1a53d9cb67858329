//! The connection pool: runs blocking database work on threads of its own, with timeouts.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::web;
use diesel::prelude::*;
use tokio::sync::{oneshot, watch};

use super::{
    clock_difference::ClockDifference,
    connect::Connector,
    connect_error::ConnectError,
    connection::DbConnection,
    metrics::DbMetrics,
    migrate::{connect_and_migrate, connect_migrated},
    own_session::MarkedConnection,
    schema::write_checks,
    transaction::transaction,
};
use crate::{
    clock::now,
    config::{self, DatabaseUrl},
    error::Error,
    telemetry::metrics::observe_since,
};

/// Most connections of the pool. It does with fewer where the database gives no more.
const POOL_SIZE: u32 = 8;

/// Timeout for the work of a request, in multiples of the timeout for a connection.
const WORK_TIMEOUT_FACTOR: u32 = 4;

/// Timeout for work that reads or writes many rows.
const LONG_TIMEOUT: Duration = Duration::from_secs(60);

/// What is done about migrations that the database lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// They are run.
    Run,
    /// They are run apart, and nothing goes on without them.
    Require,
}

impl Migrations {
    /// What `MIGRATE_AT_START` says of them.
    pub fn at_start(stores: &config::Stores) -> Self {
        if stores.migrate_at_start { Self::Run } else { Self::Require }
    }
}

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(super) shared: Arc<Shared>,
    /// Timeout for the work of one call.
    work_timeout: Duration,
}

/// What all clones of a [`Db`] and the watchdog share.
pub(super) struct Shared {
    pub(super) connector: Connector,
    /// Longest wait for a connection.
    pub(super) timeout: Duration,
    pub(super) pool: RwLock<r2d2::Pool<Connector>>,
    /// Whether the database has been migrated; until then all work is refused.
    migrated: AtomicBool,
    /// The connection of the migrations or of the watchdog, for the first who wants one to keep: a database that gives few may not give
    /// another yet, and another may take long.
    pub(super) spare: Mutex<Option<MarkedConnection>>,
    pub(super) health: watch::Sender<Health>,
    /// Whether connections are known to hang: all are replaced once the database answers.
    pub(super) replace_pool: AtomicBool,
    /// How often the pool has been replaced.
    pub(super) pool_generation: AtomicU64,
    /// How often it had not a single connection in time.
    pub(super) shortages: AtomicU64,
    pub(super) metrics: DbMetrics,
    pub(super) clock_difference: ClockDifference,
}

impl Db {
    /// A pool that connects when first used. `timeout` is the longest wait for a connection.
    pub fn new(url: &DatabaseUrl, timeout: Duration) -> Self {
        let connector = Connector::with_timeouts(url.clone(), timeout);
        let pool = RwLock::new(build_pool(&connector, timeout));
        let shared = Arc::new(Shared {
            connector,
            timeout,
            pool,
            migrated: AtomicBool::new(false),
            spare: Mutex::default(),
            health: watch::Sender::new(Health::Ok),
            replace_pool: AtomicBool::new(false),
            pool_generation: AtomicU64::new(0),
            shortages: AtomicU64::new(0),
            metrics: DbMetrics::default(),
            clock_difference: ClockDifference::default(),
        });
        Self { shared, work_timeout: timeout * WORK_TIMEOUT_FACTOR }
    }

    /// The same database for work that may take a minute.
    pub fn with_long_timeout(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), work_timeout: LONG_TIMEOUT }
    }

    /// Runs the migrations that the database lacks, or requires that it lacks none; then lets `complete` fill what SQL alone can't, and
    /// returns the number of migrations that ran. Until a call has succeeded, all other work is refused as unavailable; later calls do
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is not reached or lacks migrations that were required, [`Error::Misconfigured`] when it can never work,
    /// [`Error::Internal`] when a migration fails; the errors of `complete`.
    pub async fn prepare(
        &self,
        migrations: Migrations,
        complete: impl FnOnce(&mut DbConnection) -> Result<(), Error> + Send + 'static,
    ) -> Result<usize, Error> {
        let shared = Arc::clone(&self.shared);
        let migration = web::block(move || {
            if shared.migrated.load(Ordering::Acquire) {
                return Ok(0);
            }
            let connector = shared.connector.clone().with_default_lock_timeout();
            let (mut conn, ran) = match migrations {
                Migrations::Run => connect_and_migrate(&connector)?,
                Migrations::Require => (connect_migrated(&connector)?, 0),
            };
            shared.clock_difference.go_by(&mut conn, false)?;
            complete(&mut conn)?;
            shared.connector.limit_locks(&mut conn)?;
            shared.keep_spare(Some(conn));
            shared.migrated.store(true, Ordering::Release);
            Ok(ran)
        });
        migration.await.map_err(Error::internal)?
    }

    /// A connection of the pool. Blocks until one is free, at most for the timeout.
    pub(super) fn connection(&self) -> Result<r2d2::PooledConnection<Connector>, Error> {
        self.check_usable()?;
        let pool = self.shared.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
        let conn = pool.get().map_err(|error| {
            if pool.state().connections == 0 {
                self.shared.shortages.fetch_add(1, Ordering::AcqRel);
            }
            Error::unavailable(error)
        })?;
        // It is found out on the way that one has lost its session, and the next one has not yet.
        self.check_usable().map(|()| conn)
    }

    /// Whether the database takes writes, which sign-ins need: one row is written.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it doesn't answer, or reads only.
    pub async fn check_writable(&self) -> Result<(), Error> {
        let write = |conn: &mut DbConnection| {
            let set = write_checks::at.eq(now());
            match diesel::update(write_checks::table.find(1)).set(set).execute(conn)? {
                1 => Ok(()),
                _ => Err(Error::bug("the row for checks is gone")),
            }
        };
        self.run(move |conn| transaction(conn, write)).await
    }

    /// Runs blocking database work on the blocking thread pool, for at most the work timeout. Work may take longer than the
    /// timeout for a connection, but only while the database answers the watchdog.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection, the database hangs or the work times out. Work that had
    /// started by then may still finish; work that had not started never runs. Also the error of the work itself.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        let done = self.run_in_time(work).await;
        if matches!(done, Err(Error::Unavailable(_))) {
            self.shared.metrics.unavailable.inc();
        }
        done
    }

    async fn run_in_time<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        let mut health = self.shared.health.subscribe();
        if self.hangs() {
            return Err(Error::unavailable("the database does not answer"));
        }
        let db = self.clone();
        let (started_sender, started) = oneshot::channel();
        let done = web::block(move || {
            let (metrics, asked) = (&db.shared.metrics, Instant::now());
            let mut conn = db.connection()?;
            observe_since(&metrics.wait, asked);
            started_sender.send(()).map_err(|()| Error::unavailable("whoever asked has given up"))?;
            let began = Instant::now();
            let worked = work(&mut conn);
            observe_since(&metrics.work, began);
            if worked.is_ok() {
                conn.has_worked();
            }
            if worked.as_ref().is_err_and(Error::is_read_only) {
                // A new connection may lead to the server that takes writes now.
                db.report_slow(true);
            }
            worked
        });
        let work = async move {
            // The pool keeps to its own timeout; it exceeds it only when the connection that it checks doesn't answer.
            match tokio::time::timeout(self.shared.timeout * 5 / 4, started).await {
                Ok(_) => {}
                Err(elapsed) => {
                    self.report_slow(true);
                    return Err(Error::unavailable(elapsed));
                }
            }
            let mut done = std::pin::pin!(done);
            if let Ok(done) = tokio::time::timeout(self.shared.timeout, &mut done).await {
                return done.map_err(Error::internal)?;
            }
            self.report_slow(false);
            match tokio::time::timeout(self.work_timeout.saturating_sub(self.shared.timeout), done).await {
                Ok(done) => done.map_err(Error::internal)?,
                Err(elapsed) => Err(Error::unavailable(elapsed)),
            }
        };
        tokio::select! {
            done = work => done,
            _ = health.wait_for(|health| *health == Health::Hanging) => Err(Error::unavailable("the database does not answer")),
        }
    }

    /// Like [`Self::run`], in one transaction that is rolled back when the work fails. Once it has begun it is waited for, up to a
    /// minute while the database answers: what will be done must not be reported as a failure.
    ///
    /// # Errors
    /// Those of [`Self::run`] and of [`transaction`].
    pub async fn transaction<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        self.with_long_timeout().run(|conn| transaction(conn, work)).await
    }

    /// Refuses all work before the migrations, and from when connections were found to share sessions until they don't.
    pub(super) fn check_usable(&self) -> Result<(), Error> {
        if self.shared.connector.shares_sessions() {
            self.report_slow(true);
            return Err(Error::unavailable("connections share sessions of the database"));
        }
        if self.shared.migrated.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Error::unavailable("the database was not reached yet, or lacks migrations"))
        }
    }
}

/// A pool that opens its connections in the background.
pub(super) fn build_pool(connector: &Connector, timeout: Duration) -> r2d2::Pool<Connector> {
    r2d2::Pool::builder()
        .max_size(POOL_SIZE)
        .min_idle(Some(1))
        .max_lifetime(Some(connector.longest_life()))
        .connection_timeout(timeout)
        .error_handler(Box::new(LogErrors))
        .build_unchecked(connector.clone().with_pauses())
}

/// Logs failed connections at debug level only: the requests that needed one report the error.
#[derive(Debug)]
struct LogErrors;

impl r2d2::HandleError<ConnectError> for LogErrors {
    fn handle_error(&self, error: ConnectError) {
        tracing::debug!(%error, "a database connection failed");
    }
}

/// The state of the database as the watchdog knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// The database answers, or no request has reported it as slow.
    Ok,
    /// A request has reported it as slow; the watchdog is trying a new connection.
    Suspected,
    /// It does not answer new connections either; requests fail at once.
    Hanging,
}
