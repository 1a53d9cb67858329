//! actix-session's own store, with connections of its own. It knows one server: after a failover it is made anew.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use actix_session::storage::{RedisSessionStore, SaveError, SessionKey, SessionStore as _};
use actix_web::cookie::time::Duration as CookieDuration;
use deadpool_redis::{Manager, Pool, Runtime, Timeouts};
use redis::{ConnectionAddr, ConnectionInfo};

use super::failure::Failure;
use crate::{
    crypto::sha256_hex,
    error::Error,
    sessions::store::{
        key::{PREFIX, PROBE},
        state::State,
    },
};

/// The store of the server that is connected.
pub(super) struct ActixStores {
    slot: RwLock<Option<Arc<ActixStore>>>,
    timeout: Duration,
}

/// actix-session's store.
pub(super) struct ActixStore {
    pub(super) store: RedisSessionStore,
    /// The same store, which creates one entry only: the probe.
    pub(super) probe: RedisSessionStore,
    pool: Pool,
    server: ConnectionAddr,
}

impl ActixStores {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { slot: RwLock::default(), timeout }
    }

    /// The store of the server that was connected last.
    pub(super) fn current(&self) -> Result<Arc<ActixStore>, Failure> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Failure::NotConnected)
    }

    /// Leads to this server, over new connections.
    pub(super) async fn lead_to(&self, server: &ConnectionInfo) -> Result<(), Error> {
        match self.current() {
            Ok(store) if store.server == server.addr => store.drop_idle(),
            _ => {
                let store = ActixStore::new(server, self.timeout).await?;
                *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(store));
            }
        }
        Ok(())
    }

    /// Drops the idle connections.
    pub(super) fn drop_idle(&self) {
        if let Ok(store) = self.current() {
            store.drop_idle();
        }
    }
}

impl ActixStore {
    async fn new(server: &ConnectionInfo, timeout: Duration) -> Result<Self, Error> {
        let manager = Manager::new(server.clone()).map_err(Error::internal)?;
        let pool = Pool::builder(manager)
            .max_size(4)
            .timeouts(Timeouts { wait: Some(timeout), create: Some(timeout), recycle: Some(timeout) })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(Error::internal)?;
        let store = build(&pool, |key| format!("{PREFIX}{}", sha256_hex(key))).await?;
        let probe = build(&pool, |_| format!("{PREFIX}{PROBE}")).await?;
        Ok(Self { store, probe, pool, server: server.addr.clone() })
    }

    fn drop_idle(&self) {
        self.pool.retain(|_, _| false);
    }
}

async fn build(
    pool: &Pool,
    cache_keygen: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Result<RedisSessionStore, Error> {
    let store = RedisSessionStore::builder_pooled(pool.clone()).cache_keygen(cache_keygen).build().await;
    store.map_err(|error| Error::internal(error.to_string()))
}

/// Creates an entry. Returns its key.
pub(super) async fn save(
    store: &RedisSessionStore,
    state: State,
    ttl: CookieDuration,
) -> anyhow::Result<SessionKey> {
    store.save(state, &ttl).await.map_err(|error| match error {
        SaveError::Serialization(cause) | SaveError::Other(cause) => cause,
    })
}
