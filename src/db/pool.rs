//! The connection pool, and running blocking database work with time limits.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::web;
use tokio::sync::{oneshot, watch};

use super::{
    connect::{Connect, ConnectError, DbConnection},
    migrate::migrate,
    transaction::transaction,
};
use crate::{config::DatabaseUrl, error::Error};

const POOL_SIZE: u32 = 8;

/// How long work may take that people wait for, in multiples of the patience for a connection.
const WORK: u32 = 4;

/// How long work may take that goes over many rows.
const LONG_WORK: Duration = Duration::from_secs(60);

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(super) shared: Arc<Shared>,
    limit: Duration,
}

pub(super) struct Shared {
    pub(super) connect: Connect,
    pub(super) timeout: Duration,
    pub(super) pool: RwLock<r2d2::Pool<Connect>>,
    /// Migrated: before that there is nothing to ask for.
    pub(super) prepared: AtomicBool,
    pub(super) health: watch::Sender<Health>,
    /// Connections are known to hang: once the database answers, all are replaced.
    pub(super) renew: AtomicBool,
    pub(super) pool_generation: AtomicU64,
}

impl Db {
    /// A pool that connects when first used. `timeout` is the longest wait for a connection.
    pub fn new(url: &DatabaseUrl, timeout: Duration) -> Self {
        let connect = Connect::with_timeouts(url.clone(), timeout);
        let pool = RwLock::new(pool(&connect, timeout));
        let shared = Arc::new(Shared {
            connect,
            timeout,
            pool,
            prepared: AtomicBool::new(false),
            health: watch::Sender::new(Health::Fine),
            renew: AtomicBool::new(false),
            pool_generation: AtomicU64::new(0),
        });
        Self { shared, limit: timeout * WORK }
    }

    /// The same database for work that may take a minute.
    pub fn with_long_timeout(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), limit: LONG_WORK }
    }

    /// Migrates the database; until that has been done once, all other work is refused as unavailable.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database isn't reached.
    pub async fn prepare(&self) -> Result<usize, Error> {
        let shared = Arc::clone(&self.shared);
        let done = web::block(move || {
            use r2d2::ManageConnection as _;
            let migrating = shared.connect.clone().waiting_for_locks();
            let ran = migrate(&mut migrating.connect().map_err(Error::unavailable)?)?;
            shared.prepared.store(true, Ordering::Release);
            Ok(ran)
        });
        done.await.map_err(Error::internal)?
    }

    /// A connection of the pool, for a thread that may block.
    pub fn connection(&self) -> Result<r2d2::PooledConnection<Connect>, Error> {
        self.check_prepared()?;
        let pool = self.shared.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
        pool.get().map_err(Error::unavailable)
    }

    /// A connection outside of the pool; fails at once when the database refuses.
    pub fn own_connection(&self) -> Result<DbConnection, Error> {
        use r2d2::ManageConnection as _;
        self.check_prepared()?;
        self.shared.connect.connect().map_err(Error::unavailable)
    }

    /// Runs blocking database work on a thread of its own, for as long as its limit allows. Work may take longer
    /// than the patience for a connection, but only while the database answers others.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection or the work takes too long; what it has begun may
    /// still be finished. What was not begun by then never is.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        let mut health = self.shared.health.subscribe();
        if self.hangs() {
            return Err(Error::unavailable("the database does not answer"));
        }
        let db = self.clone();
        let (begins, begun) = oneshot::channel();
        let done = web::block(move || {
            let mut conn = db.connection()?;
            begins.send(()).map_err(|()| Error::unavailable("whoever asked has given up"))?;
            work(&mut conn)
        });
        let work = async move {
            // The pool keeps to its patience; it is late when the connection it has chosen doesn't answer.
            match tokio::time::timeout(self.shared.timeout * 5 / 4, begun).await {
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
            match tokio::time::timeout(self.limit.saturating_sub(self.shared.timeout), done).await {
                Ok(done) => done.map_err(Error::internal)?,
                Err(elapsed) => Err(Error::unavailable(elapsed)),
            }
        };
        tokio::select! {
            done = work => done,
            _ = health.wait_for(|health| *health == Health::Hangs) => Err(Error::unavailable("the database does not answer")),
        }
    }

    /// The same in one transaction, rolled back when the work fails.
    pub async fn transaction<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    {
        self.run(|conn| transaction(conn, work)).await
    }

    fn check_prepared(&self) -> Result<(), Error> {
        if self.shared.prepared.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Error::unavailable("the database has not been migrated yet"))
        }
    }
}

pub(super) fn pool(connect: &Connect, timeout: Duration) -> r2d2::Pool<Connect> {
    r2d2::Pool::builder()
        .max_size(POOL_SIZE)
        .min_idle(Some(1))
        .connection_timeout(timeout)
        .error_handler(Box::new(Quiet))
        .build_unchecked(connect.clone())
}

/// Failed connections are reported by those who needed one.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<ConnectError> for Quiet {
    fn handle_error(&self, error: ConnectError) {
        tracing::debug!(%error, "a database connection failed");
    }
}

/// What is known of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers, or nobody has asked.
    Fine,
    /// Something takes too long; a fresh connection is being tried.
    Doubted,
    /// It doesn't answer fresh connections either. Nobody waits for it.
    Hangs,
}
