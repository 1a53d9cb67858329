//! The client of the Redis server that stores the sessions: sends commands over a link that times out and reconnects in the
//! background, and publishes messages between instances. The operations on entries are in `redis_entries`.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_session::storage::{RedisSessionStore, SaveError, SessionKey, SessionStore as _};
use actix_web::cookie::time::Duration as CookieDuration;
use deadpool_redis::{Manager, Pool, Runtime, Timeouts};
use prometheus_client::registry::Registry;
use redis::{
    Client, FromRedisValue, IntoConnectionInfo as _, Pipeline, ProtocolVersion, RedisError, Value,
    aio::{MultiplexedConnection, PubSub},
};

use super::{
    key::{PREFIX, PROBE},
    redis_link::{Connections, FIRST_RETRY, Failure, Link, drop_idle, is_not_here, probe},
    redis_metrics::RedisMetrics,
    state::State,
};
use crate::{
    config::RedisUrl,
    crypto::sha256_hex,
    error::Error,
    telemetry::metrics::{GaugeAtScrape, observe_since},
    throttle::RedisCommands,
};

/// The pub/sub channel between instances, without the number of the database.
const CHANNEL: &str = "gatehouse:sessions";

/// The session store in Redis; cheap to clone.
#[derive(Clone)]
pub struct Redis {
    /// actix-session's store.
    pub(super) actix_store: RedisSessionStore,
    /// The same store, which creates one entry only: the probe.
    probe_store: RedisSessionStore,
    connections: Arc<Connections>,
    client: Client,
    /// The link that all threads share.
    shared_link: Arc<Link>,
    /// A worker thread's own link, for what every request does: it wakes no other thread.
    thread_link: Option<Arc<Link>>,
    timeout: Duration,
    pub(super) metrics: Arc<RedisMetrics>,
}

impl Redis {
    /// Prepares the store and starts connecting in the background; never waits for Redis.
    ///
    /// # Errors
    /// [`Error::Internal`] when the URL can't be used.
    pub async fn new(url: &RedisUrl, timeout: Duration) -> Result<Self, Error> {
        // In RESP3 a lost connection is reported at once, even when no command is in flight.
        let mut info = url.as_str().into_connection_info().map_err(Error::internal)?;
        info.redis.protocol = ProtocolVersion::RESP3;
        // Links and pool are made of the same settings, so that what one of them can do the other can too.
        let manager = Manager::new(info.clone()).map_err(Error::internal)?;
        let client = Client::open(info).map_err(Error::internal)?;
        let pool = Pool::builder(manager)
            .max_size(4)
            .timeouts(Timeouts { wait: Some(timeout), create: Some(timeout), recycle: Some(timeout) })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(Error::internal)?;
        let actix_store = build_actix_store(&pool, |key| format!("{PREFIX}{}", sha256_hex(key))).await?;
        let probe_store = build_actix_store(&pool, |_| format!("{PREFIX}{PROBE}")).await?;
        let connections = Arc::new(Connections::new(pool.clone()));
        let shared_link = connections.start_link(&client, timeout, Some(pool));
        Ok(Self {
            actix_store,
            probe_store,
            connections,
            client,
            shared_link,
            thread_link: None,
            timeout,
            metrics: Arc::default(),
        })
    }

    /// The same store with a link of the calling thread, which is used while it is connected.
    pub fn with_thread_link(&self) -> Self {
        let link = self.connections.start_link(&self.client, self.timeout, None);
        Self { thread_link: Some(link), ..self.clone() }
    }

    /// Waits until Redis answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after `longest`.
    pub async fn wait(&self, longest: Duration) -> Result<(), Error> {
        let answered = async {
            while self.ping().await.is_err() {
                tokio::time::sleep(FIRST_RETRY).await;
            }
        };
        tokio::time::timeout(longest, answered).await.map_err(Error::unavailable)
    }

    /// Publishes a text to all instances.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn publish(&self, text: &str) -> Result<(), Error> {
        let mut command = redis::pipe();
        command.cmd("PUBLISH").arg(self.channel()).arg(text).ignore();
        self.run(&command).await
    }

    /// A connection of its own that receives what is published.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn subscribe(&self) -> Result<PubSub, Error> {
        let subscribe = async {
            let mut pubsub = self.client.get_async_pubsub().await?;
            pubsub.subscribe(self.channel()).await?;
            Ok::<_, RedisError>(pubsub)
        };
        match tokio::time::timeout(self.timeout * 4, subscribe).await {
            Ok(Ok(pubsub)) => Ok(pubsub),
            Ok(Err(error)) => Err(Failure::Redis(error).into()),
            Err(_) => Err(Failure::TimedOut(self.timeout * 4).into()),
        }
    }

    /// The name of the channel. A channel is shared by all databases of a Redis server, so the name contains the number.
    fn channel(&self) -> String {
        format!("{CHANNEL}:{}", self.client.get_connection_info().redis.db)
    }

    /// Checks that Redis answers and accepts the command that every request needs.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut command = redis::pipe();
        command.add_command(probe()).ignore();
        self.run(&command).await
    }

    /// Does what a sign-in does, over the connections that sign-ins use: creates an entry, and reads it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis refuses one of them or doesn't answer in time.
    pub async fn check(&self) -> Result<(), Error> {
        let second = CookieDuration::seconds(1);
        self.call_actix_store(save(&self.probe_store, State::new(), second)).await?;
        self.ping().await?;
        // It expires anyway.
        drop(self.delete(PROBE).await);
        Ok(())
    }

    /// Runs commands in one round trip.
    pub(super) async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Error> {
        self.with_timeout(async |connection| commands.query_async(connection).await).await
    }

    /// Runs commands over the current link. Drops the connection when it is broken or the answer takes too long.
    pub(super) async fn with_timeout<T>(
        &self,
        commands: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        self.record(began, self.over_link(commands).await)
    }

    fn record<T>(&self, began: Instant, done: Result<T, Error>) -> Result<T, Error> {
        match &done {
            Ok(_) => observe_since(&self.metrics.round_trip, began),
            Err(_) => drop(self.metrics.failures.inc()),
        }
        done
    }

    /// Registers what is measured of Redis.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
        let link = Arc::clone(&self.shared_link);
        GaugeAtScrape::register(registry, "redis_connected", "1 while Redis is connected", move || {
            Some(f64::from(u8::from(link.current().is_ok())))
        });
    }

    async fn over_link<T>(
        &self,
        commands: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Error> {
        let (link, (number, mut connection)) = self.current()?;
        match tokio::time::timeout(self.timeout, commands(&mut connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let not_here = is_not_here(&error);
                let broken = error.is_connection_dropped() || error.is_io_error() || error.is_timeout();
                let is_first = (not_here || broken) && link.drop_connection(number);
                // By the time of the second such answer over one connection, others may be connected anew.
                if not_here && is_first {
                    self.connections.give_up();
                }
                Err(Failure::Redis(error).into())
            }
            Err(_) => {
                link.drop_connection(number);
                Err(Failure::TimedOut(self.timeout).into())
            }
        }
    }

    /// The thread's own link if it is connected, else the shared one. Fails while the shared one is down: then Redis is not
    /// reached, and the other would only time out.
    fn current(&self) -> Result<(&Link, (u64, MultiplexedConnection)), Failure> {
        let shared = self.shared_link.current()?;
        match self.thread_link.as_deref().map(|link| (link, link.current())) {
            Some((link, Ok(connection))) => Ok((link, connection)),
            Some((_, Err(_))) | None => Ok((&self.shared_link, shared)),
        }
    }

    /// Calls actix-session's store, which has connections of its own and no time limit.
    pub(super) async fn call_actix_store<T>(
        &self,
        call: impl Future<Output = anyhow::Result<T>>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        self.record(began, self.over_pool(call).await)
    }

    async fn over_pool<T>(&self, call: impl Future<Output = anyhow::Result<T>>) -> Result<T, Error> {
        self.shared_link.current()?;
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if error.chain().filter_map(|cause| cause.downcast_ref()).any(is_not_here) {
                    self.connections.give_up();
                }
                Err(Failure::SessionStore(error).into())
            }
            Err(_) => {
                // The connection went back to the pool and may never answer again. The same holds for the other connections.
                drop_idle(&self.connections.pool);
                Err(Failure::TimedOut(self.timeout).into())
            }
        }
    }
}

impl RedisCommands for Redis {
    fn run_commands<'a>(
        &'a self,
        commands: &'a Pipeline,
    ) -> Pin<Box<dyn Future<Output = Result<Value, Error>> + 'a>> {
        Box::pin(self.run(commands))
    }
}

async fn build_actix_store(
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
