//! A connection to Redis that reconnects in the background. While it is down, callers fail at once.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use redis::ConnectionAddr;
use tokio::{sync::Notify, time::Instant};

use super::{
    actix_store::ActixStores,
    connection::Connection,
    failure::Failure,
    servers::{Connected, Servers},
};
use crate::error::Error;

/// The first pause between two attempts to connect; each next one is twice as long.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const LAST_RETRY: Duration = Duration::from_millis(250);
/// While a node of a cluster is away, connections to it are made anew often, which is logged no more often than this.
const QUIET: Duration = Duration::from_secs(10);

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
    connection: Option<Connection>,
    /// Where it leads; `None`: to a cluster.
    server: Option<ConnectionAddr>,
    /// It was dropped. One to a cluster stays in use until its successor is there, since the other nodes may be well.
    dropped: bool,
    /// Why the last attempt to connect has failed; `None` once one has succeeded.
    failure: Option<String>,
}

impl Link {
    /// A link that connects and reconnects on the calling thread. Only the shared link gets actix-session's store: it logs when Redis
    /// is lost and reached again, and leads that store to the server that it has reached.
    pub(super) fn start(servers: &Arc<Servers>, actix_stores: Option<Arc<ActixStores>>) -> Arc<Self> {
        let link = Arc::new(Self { slot: RwLock::default(), dropped: Notify::new() });
        actix_web::rt::spawn(keep_connected(Arc::clone(servers), Arc::clone(&link), actix_stores));
        link
    }

    /// The connection and its number, which [`Link::drop_connection`] takes.
    pub(super) fn current(&self) -> Result<(u64, Connection), Failure> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.connection.clone().map(|connection| (slot.number, connection)).ok_or(Failure::NotConnected)
    }

    /// Where the connection leads; `None`: there is none, or it leads to a cluster.
    pub(super) fn server(&self) -> Option<ConnectionAddr> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).server.clone()
    }

    /// Why there is no connection, where an attempt has failed.
    pub(super) fn failure(&self) -> Option<String> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).failure.clone()
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the connection with that number, and with it the replies that are still due. Returns `false` when it was dropped
    /// before.
    pub(super) fn drop_connection(&self, number: u64) -> bool {
        let mut slot = self.slot();
        let is_current = slot.number == number && slot.connection.is_some() && !slot.dropped;
        if is_current {
            slot.dropped = true;
            if matches!(slot.connection, Some(Connection::Server(_))) {
                (slot.connection, slot.server) = (None, None);
            }
            self.dropped.notify_one();
        }
        is_current
    }

    /// Records that no connection could be made, and why.
    fn lose(&self, failure: String) {
        let mut slot = self.slot();
        (slot.connection, slot.failure) = (None, Some(failure));
    }

    /// Drops the connection.
    pub(super) fn drop_current(&self) {
        let number = self.slot().number;
        self.drop_connection(number);
    }
}

/// Connects whenever there is no connection; logs each loss and each first failure once.
async fn keep_connected(servers: Arc<Servers>, link: Arc<Link>, actix_stores: Option<Arc<ActixStores>>) {
    let mut retry = FIRST_RETRY;
    let logs = actix_stores.is_some();
    // Whether the last that was logged is a failure, and whether it is that Redis is there.
    let (mut failure_logged, mut is_there_logged) = (false, false);
    for number in 1.. {
        match connect(&servers, &link, number, actix_stores.as_deref()).await {
            Ok(Connected { connection, server }) => {
                let server = server.map(|server| server.addr);
                if logs && !is_there_logged {
                    log_connected(server.as_ref());
                    (failure_logged, is_there_logged) = (false, true);
                }
                let connection = Some(connection);
                *link.slot() = Slot { number, connection, server, dropped: false, failure: None };
                retry = FIRST_RETRY;
                let since = Instant::now();
                link.dropped.notified().await;
                if logs && (!servers.is_cluster() || since.elapsed() > QUIET) {
                    tracing::warn!("Redis connection lost, reconnecting");
                    is_there_logged = false;
                }
                if servers.is_cluster() {
                    tokio::time::sleep_until(since + LAST_RETRY).await;
                }
            }
            Err(error) => {
                link.lose(error.cause());
                if logs && !failure_logged {
                    tracing::error!(error = ?error.causes(), "Redis not reached at REDIS_URL, trying again until it is");
                    (failure_logged, is_there_logged) = (true, false);
                }
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

async fn connect(
    servers: &Servers,
    link: &Arc<Link>,
    number: u64,
    actix_stores: Option<&ActixStores>,
) -> Result<Connected, Error> {
    let weak_link = Arc::downgrade(link);
    let on_close = move || {
        if let Some(link) = weak_link.upgrade() {
            link.drop_connection(number);
        }
    };
    let connected = servers.connect(on_close).await?;
    if let (Some(actix_stores), Some(server)) = (actix_stores, &connected.server) {
        actix_stores.lead_to(server).await?;
    }
    Ok(connected)
}

fn log_connected(server: Option<&ConnectionAddr>) {
    match server {
        Some(server) => tracing::info!(%server, "Redis connected"),
        None => tracing::info!("Redis connected, a cluster"),
    }
}
