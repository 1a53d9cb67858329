//! A connection to Redis that reconnects in the background. While it is down, callers fail at once.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard, Weak},
    time::Duration,
};

use deadpool_redis::Pool;
use redis::{
    AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError,
    aio::{MultiplexedConnection, SendError},
};
use tokio::sync::Notify;

use super::key::{PREFIX, PROBE};
use crate::error::Error;

/// The first pause between two attempts to connect; each next one is twice as long.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const LAST_RETRY: Duration = Duration::from_millis(250);

/// A connection that is absent while Redis is not reached, so that callers do not wait for it.
pub(super) struct Link {
    slot: RwLock<Slot>,
    /// Notified when the connection is dropped.
    dropped: Notify,
}

#[derive(Default)]
struct Slot {
    /// The number of the connection, so that a caller who drops an earlier connection does not drop its successor.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

/// Why Redis did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("Redis is not connected")]
    NotConnected,
    #[error("Redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("Redis: {0}")]
    Redis(RedisError),
    /// From actix-session's store: the chain of its causes.
    #[error("Redis: {0:#}")]
    SessionStore(anyhow::Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::unavailable(failure)
    }
}

/// Error codes by which a server says that it is not, or not now, the one that takes writes.
const NOT_HERE: [&str; 10] = [
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "MISCONF",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "NOAUTH",
];

/// Whether the server has answered that what was asked for is not to be had from it, whatever is asked next: after a failover the
/// address may lead to another server, which only a new connection finds.
pub(super) fn is_not_here(error: &RedisError) -> bool {
    error.code().is_some_and(|code| NOT_HERE.contains(&code))
}

/// All links of a process and the connections of actix-session's store. They lead to the same server.
pub(super) struct Connections {
    pub(super) pool: Pool,
    links: Mutex<Vec<Weak<Link>>>,
}

impl Connections {
    pub(super) fn new(pool: Pool) -> Self {
        Self { pool, links: Mutex::default() }
    }

    /// Starts a link, as [`Link::start`] does.
    pub(super) fn start_link(&self, client: &Client, timeout: Duration, pool: Option<Pool>) -> Arc<Link> {
        let link = Link::start(client, timeout, pool);
        self.links.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&link));
        link
    }

    /// Gives every connection up, since one of them has shown that the server is not the right one any more.
    pub(super) fn give_up(&self) {
        drop_idle(&self.pool);
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        for link in links.iter().filter_map(Weak::upgrade) {
            let number = link.slot().number;
            link.drop_connection(number);
        }
    }
}

/// Drops the idle connections of a pool.
pub(super) fn drop_idle(pool: &Pool) {
    pool.retain(|_, _| false);
}

/// A command without effect that needs what sessions need of Redis: `GETEX` may write, so a replica or a paused server refuses
/// or delays it as it does a write.
pub(super) fn probe() -> redis::Cmd {
    let mut command = redis::cmd("GETEX");
    command.arg(format!("{PREFIX}{PROBE}")).arg("EX").arg(1);
    command
}

impl Link {
    /// A link that connects and reconnects on the calling thread. Only the shared link gets the pool of actix-session's store:
    /// it logs when Redis is lost and reached again, and drops the pool's idle connections when it is reached.
    pub(super) fn start(client: &Client, timeout: Duration, pool: Option<Pool>) -> Arc<Self> {
        let link = Arc::new(Self { slot: RwLock::default(), dropped: Notify::new() });
        actix_web::rt::spawn(keep_connected(client.clone(), Arc::clone(&link), pool, timeout));
        link
    }

    /// The connection and its number, which [`Link::drop_connection`] takes.
    pub(super) fn current(&self) -> Result<(u64, MultiplexedConnection), Failure> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.connection.clone().map(|connection| (slot.number, connection)).ok_or(Failure::NotConnected)
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the connection with that number, and with it the replies that are still due. Returns `false` when it was dropped
    /// before.
    pub(super) fn drop_connection(&self, number: u64) -> bool {
        let mut slot = self.slot();
        let is_current = slot.number == number && slot.connection.take().is_some();
        if is_current {
            self.dropped.notify_one();
        }
        is_current
    }
}

/// Connects whenever there is no connection; logs each loss and each first failure once.
async fn keep_connected(client: Client, link: Arc<Link>, pool: Option<Pool>, timeout: Duration) {
    let mut retry = FIRST_RETRY;
    let mut logged = pool.is_none();
    for number in 1.. {
        match connect(&client, &link, number, timeout).await {
            Ok(connection) => {
                if let Some(pool) = &pool {
                    tracing::info!("Redis connected");
                    drop_idle(pool);
                    logged = false;
                }
                *link.slot() = Slot { number, connection: Some(connection) };
                retry = FIRST_RETRY;
                link.dropped.notified().await;
                if pool.is_some() {
                    tracing::warn!("Redis connection lost, reconnecting");
                }
            }
            Err(failure) => {
                if !logged {
                    tracing::error!(error = %failure, "Redis not reached, trying again until it is");
                    logged = true;
                }
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

async fn connect(
    client: &Client,
    link: &Arc<Link>,
    number: u64,
    timeout: Duration,
) -> Result<MultiplexedConnection, Failure> {
    let weak_link = Arc::downgrade(link);
    let config = AsyncConnectionConfig::new().set_connection_timeout(timeout).set_push_sender(
        move |info: PushInfo| {
            if info.kind == PushKind::Disconnection
                && let Some(link) = weak_link.upgrade()
            {
                link.drop_connection(number);
            }
            Ok::<(), SendError>(())
        },
    );
    let connect = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        probe().query_async::<()>(&mut connection).await?;
        Ok::<_, RedisError>(connection)
    };
    tokio::time::timeout(timeout * 2, connect)
        .await
        .map_err(|_| Failure::TimedOut(timeout * 2))?
        .map_err(Failure::Redis)
}
