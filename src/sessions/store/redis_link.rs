//! A connection to Redis that is re-established by itself. While it is down, callers fail at once.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use deadpool_redis::Pool;
use redis::{
    AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError,
    aio::{MultiplexedConnection, SendError},
};
use tokio::sync::Notify;

use super::key::PREFIX;
use crate::error::Error;

/// A connection that may be absent while Redis is not connecting.
pub(super) struct Link {
    slot: RwLock<Slot>,
    lost: Notify,
}

#[derive(Default)]
struct Slot {
    /// The number of the connection: giving up an old one does not affect a newer one.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

/// Redis is not connecting, or did not answer in time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("Redis is not connected")]
    NotConnected,
    #[error("Redis did not answer within {0:?}")]
    Slow(Duration),
    #[error("Redis: {0}")]
    Refused(#[from] RedisError),
    #[error("Redis: {0}")]
    Store(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::unavailable(failure)
    }
}

pub(super) fn drop_idle(pool: &Pool) {
    pool.retain(|_, _| false);
}

/// A command without effect that needs what sessions need: it renews a lifetime, so it is refused or held where writing is.
pub(super) fn probe() -> redis::Cmd {
    let mut command = redis::cmd("GETEX");
    command.arg(format!("{PREFIX}probe")).arg("PERSIST");
    command
}

impl Link {
    /// Starts a link that connects, and reconnects, on the calling thread. The link that is given the store's pool logs its changes.
    pub(super) fn start(client: &Client, timeout: Duration, pool: Option<Pool>) -> Arc<Self> {
        let link = Arc::new(Self { slot: RwLock::default(), lost: Notify::new() });
        actix_web::rt::spawn(keep_connected(client.clone(), Arc::clone(&link), pool, timeout));
        link
    }

    pub(super) fn current(&self) -> Result<(u64, MultiplexedConnection), Failure> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.connection.clone().map(|connection| (slot.number, connection)).ok_or(Failure::NotConnected)
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the connection of that number; answers that it still owes are lost.
    pub(super) fn give_up(&self, number: u64) {
        let mut slot = self.slot();
        if slot.number == number && slot.connection.take().is_some() {
            self.lost.notify_one();
        }
    }
}

/// Connects, waits until the connection is lost, and connects again; each change is logged once.
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
                link.lost.notified().await;
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
                link.give_up(number);
            }
            Ok::<(), SendError>(())
        },
    );
    let connecting = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        probe().query_async::<()>(&mut connection).await?;
        Ok::<_, RedisError>(connection)
    };
    tokio::time::timeout(timeout * 2, connecting)
        .await
        .map_err(|_| Failure::Slow(timeout * 2))?
        .map_err(Failure::from)
}

pub(super) const FIRST_RETRY: Duration = Duration::from_millis(50);

const LAST_RETRY: Duration = Duration::from_millis(250);
