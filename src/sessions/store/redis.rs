//! Sessions in Redis. actix-session's own store makes and deletes the entries; what it does slowly or unsafely
//! (reading without a time limit, changing an entry that is gone) is done here in the same format, over a link
//! that gives up in time and repairs itself.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use actix_session::storage::{RedisSessionStore, SessionKey, SessionStore as _};
use deadpool_redis::{Pool, Runtime, Timeouts};
use redis::{
    AsyncConnectionConfig, Client, FromRedisValue, IntoConnectionInfo as _, Pipeline, ProtocolVersion,
    PushInfo, PushKind, RedisError,
    aio::{MultiplexedConnection, PubSub, SendError},
};
use tokio::sync::Notify;
use url::Url;

use super::{
    key::{Key, PREFIX},
    state::State,
};
use crate::{error::Error, security::sha256_hex};

/// Where the instances speak with each other.
const CHANNEL: &str = "gatehouse:sessions";

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_millis(250);

/// The Redis side of the store; cheap to clone.
#[derive(Clone)]
pub struct Redis {
    entries: RedisSessionStore,
    /// The connections of `entries`.
    pool: Pool,
    client: Client,
    link: Arc<Link>,
    /// The link of the worker thread, for what every request does: no other thread has to be woken for it.
    near: Option<Arc<Link>>,
    patience: Duration,
}

/// The connection, absent while Redis is not reached: then nobody waits for it.
struct Link {
    slot: RwLock<Slot>,
    lost: Notify,
}

#[derive(Default)]
struct Slot {
    /// Counts the connections: whoever gives up on an old one leaves the new one alone.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

/// Redis is not reached, or did not answer in time.
#[derive(Debug, thiserror::Error)]
enum Failure {
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

impl Redis {
    /// Prepares the store and starts connecting in the background; never waits for Redis.
    ///
    /// # Errors
    /// When the URL can't be used.
    pub async fn new(url: &Url, patience: Duration) -> Result<Self, Error> {
        // In the newer protocol the connection tells of its end by itself, also while nobody asks for anything.
        let mut info = url.as_str().into_connection_info().map_err(Error::internal)?;
        info.redis.protocol = ProtocolVersion::RESP3;
        let client = Client::open(info).map_err(Error::internal)?;
        let mut config = deadpool_redis::Config::from_url(url.as_str());
        config.pool = Some(deadpool_redis::PoolConfig {
            max_size: 4,
            timeouts: Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(patience) },
            ..Default::default()
        });
        let pool: Pool = config.create_pool(Some(Runtime::Tokio1)).map_err(Error::internal)?;
        let entries = RedisSessionStore::builder_pooled(pool.clone())
            .cache_keygen(|key| format!("{PREFIX}{}", sha256_hex(key)))
            .build()
            .await
            .map_err(|error| Error::internal(error.to_string()))?;
        let link = Link::start(&client, patience, Some(pool.clone()));
        Ok(Self { entries, pool, client, link, near: None, patience })
    }

    /// The same with a link of the calling thread's own, used while it stands.
    pub fn near(&self) -> Self {
        Self { near: Some(Link::start(&self.client, self.patience, None)), ..self.clone() }
    }

    /// Reads an entry and starts its lifetime anew in one round trip; never makes one.
    pub async fn read(&self, store_key: &str, ttl: Duration) -> Result<Option<String>, Error> {
        let mut command = redis::cmd("GETEX");
        command.arg(entry(store_key)).arg("EX").arg(ttl.as_secs());
        self.within(async |connection| command.query_async(connection).await).await
    }

    /// Makes an entry under a new random key.
    pub async fn create(&self, state: State, ttl: Duration) -> Result<SessionKey, Error> {
        let ttl = crate::sessions::service::cookie_duration(ttl);
        self.through_store(self.entries.save(state, &ttl)).await
    }

    /// Changes an entry that is there; `false` when it isn't, and then nothing is made.
    pub async fn change(&self, store_key: &str, state: &State, ttl: Duration) -> Result<bool, Error> {
        let body = serde_json::to_string(state).map_err(Error::internal)?;
        let mut command = redis::pipe();
        command.cmd("SET").arg(entry(store_key)).arg(body).arg("XX").arg("EX").arg(ttl.as_secs());
        let (done,): (Option<String>,) = self.run(&command).await?;
        Ok(done.is_some())
    }

    /// Makes entries by their store keys, a thousand in one round trip.
    pub async fn put_all(&self, entries: &[(&str, String, time::Duration)]) -> Result<(), Error> {
        for entries in entries.chunks(1_000) {
            let mut commands = redis::pipe();
            for (store_key, state, left) in entries {
                let seconds = left.whole_seconds().max(1);
                commands.cmd("SET").arg(entry(store_key)).arg(state).arg("EX").arg(seconds).ignore();
            }
            self.run::<()>(&commands).await?;
        }
        Ok(())
    }

    /// Deletes the entry of a key that is at hand.
    pub async fn delete(&self, key: Key) -> Result<(), Error> {
        let Some(key) = key.into_inner() else {
            return Ok(());
        };
        self.through_store(self.entries.delete(&key)).await
    }

    /// Deletes an entry by its store key; whether it was there.
    pub async fn take(&self, store_key: &str) -> Result<bool, Error> {
        let mut command = redis::pipe();
        command.cmd("UNLINK").arg(entry(store_key));
        let (count,): (u64,) = self.run(&command).await?;
        Ok(count == 1)
    }

    /// Deletes entries by their store keys in one round trip.
    pub async fn delete_all(&self, store_keys: &[String]) -> Result<(), Error> {
        if store_keys.is_empty() {
            return Ok(());
        }
        let mut commands = redis::pipe();
        for store_key in store_keys {
            commands.cmd("UNLINK").arg(entry(store_key)).ignore();
        }
        self.run(&commands).await
    }

    /// The time left of each entry, in the order asked; `None`: it is gone. One round trip.
    pub async fn time_left(&self, store_keys: &[&str]) -> Result<Vec<Option<Duration>>, Error> {
        if store_keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = redis::pipe();
        for store_key in store_keys {
            commands.cmd("PTTL").arg(entry(store_key));
        }
        let left: Vec<i64> = self.run(&commands).await?;
        Ok(left.into_iter().map(|millis| u64::try_from(millis).ok().map(Duration::from_millis)).collect())
    }

    /// The stored JSON of an entry, without renewing it.
    pub async fn peek(&self, store_key: &str) -> Result<Option<String>, Error> {
        let mut command = redis::pipe();
        command.cmd("GET").arg(entry(store_key));
        let (value,): (Option<String>,) = self.run(&command).await?;
        Ok(value)
    }

    /// The store keys of all entries. Walks the whole database: for `sessions verify`, never for a page.
    pub async fn all_store_keys(&self) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        let mut cursor: u64 = 0;
        loop {
            let mut command = redis::pipe();
            command.cmd("SCAN").arg(cursor).arg("MATCH").arg(format!("{PREFIX}*")).arg("COUNT").arg(1_000);
            let ((next, found),): ((u64, Vec<String>),) = self.run(&command).await?;
            keys.extend(found.iter().filter_map(|key| key.strip_prefix(PREFIX)).map(str::to_owned));
            if next == 0 {
                return Ok(keys);
            }
            cursor = next;
        }
    }

    /// Waits until Redis answers, at most so long.
    pub async fn wait(&self, longest: Duration) -> Result<(), Error> {
        let reached = async {
            while self.ping().await.is_err() {
                tokio::time::sleep(FIRST_RETRY).await;
            }
        };
        tokio::time::timeout(longest, reached).await.map_err(Error::unavailable)
    }

    /// Says something to all instances.
    pub async fn publish(&self, text: &str) -> Result<(), Error> {
        let mut command = redis::pipe();
        command.cmd("PUBLISH").arg(self.channel()).arg(text).ignore();
        self.run(&command).await
    }

    /// A connection that hears what is published.
    pub async fn subscribe(&self) -> Result<PubSub, Error> {
        let subscribed = async {
            let mut link = self.client.get_async_pubsub().await?;
            link.subscribe(self.channel()).await?;
            Ok::<_, RedisError>(link)
        };
        match tokio::time::timeout(self.patience * 4, subscribed).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(Failure::Refused(error).into()),
            Err(_) => Err(Failure::Slow(self.patience * 4).into()),
        }
    }

    /// Redis publishes across its databases, so the number is in the name.
    fn channel(&self) -> String {
        format!("{CHANNEL}:{}", self.client.get_connection_info().redis.db)
    }

    /// Whether Redis answers and takes what sessions need.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut command = redis::pipe();
        command.add_command(probe()).ignore();
        self.run(&command).await
    }

    /// Whether Redis takes new entries; one at its `maxmemory` refuses them.
    pub async fn check_room(&self) -> Result<(), Error> {
        let mut command = redis::pipe();
        command.cmd("SET").arg(format!("{PREFIX}probe")).arg("").arg("PX").arg(1).ignore();
        self.run(&command).await
    }

    async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Error> {
        self.within(async |connection| commands.query_async(connection).await).await
    }

    /// Asks over the nearest link, and gives the link up when it doesn't answer in time.
    async fn within<T>(
        &self,
        ask: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Error> {
        let (link, (number, mut connection)) = self.current()?;
        match tokio::time::timeout(self.patience, ask(&mut connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if error.is_connection_dropped() || error.is_io_error() || error.is_timeout() {
                    link.give_up(number);
                }
                Err(Failure::Refused(error).into())
            }
            Err(_) => {
                link.give_up(number);
                Err(Failure::Slow(self.patience).into())
            }
        }
    }

    /// The nearest link that stands. While the common one is down nobody waits for the other.
    fn current(&self) -> Result<(&Link, (u64, MultiplexedConnection)), Failure> {
        let common = self.link.current()?;
        match self.near.as_deref().map(|near| (near, near.current())) {
            Some((near, Ok(connection))) => Ok((near, connection)),
            _ => Ok((&self.link, common)),
        }
    }

    /// A call of actix-session's store, which has connections of its own and no time limit.
    async fn through_store<T, E: std::fmt::Debug>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        self.link.current()?;
        match tokio::time::timeout(self.patience, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Failure::Store(format!("{error:?}")).into()),
            Err(_) => {
                // The connection went back to the pool and may never answer again; so may the others.
                drop_idle(&self.pool);
                Err(Failure::Slow(self.patience).into())
            }
        }
    }
}

fn drop_idle(pool: &Pool) {
    pool.retain(|_, _| false);
}

/// What sessions need of Redis, without effect: a command that renews, and so is refused or held where writing is.
fn probe() -> redis::Cmd {
    let mut command = redis::cmd("GETEX");
    command.arg(format!("{PREFIX}probe")).arg("PERSIST");
    command
}

impl Link {
    /// A link that connects on the calling thread, again and again. With the pool of the store it speaks for all:
    /// its changes are logged.
    fn start(client: &Client, patience: Duration, pool: Option<Pool>) -> Arc<Self> {
        let link = Arc::new(Self { slot: RwLock::default(), lost: Notify::new() });
        actix_web::rt::spawn(keep_connected(client.clone(), Arc::clone(&link), pool, patience));
        link
    }

    fn current(&self) -> Result<(u64, MultiplexedConnection), Failure> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.connection.clone().map(|connection| (slot.number, connection)).ok_or(Failure::NotConnected)
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the connection of that number; what it still owes nobody waits for.
    fn give_up(&self, number: u64) {
        let mut slot = self.slot();
        if slot.number == number && slot.connection.take().is_some() {
            self.lost.notify_one();
        }
    }
}

/// Connects, waits for the loss of the connection, connects again; each change is logged once.
async fn keep_connected(client: Client, link: Arc<Link>, pool: Option<Pool>, patience: Duration) {
    let mut retry = FIRST_RETRY;
    let mut complained = pool.is_none();
    for number in 1.. {
        match connect(&client, &link, number, patience).await {
            Ok(connection) => {
                if let Some(pool) = &pool {
                    tracing::info!("Redis connected");
                    drop_idle(pool);
                    complained = false;
                }
                *link.slot() = Slot { number, connection: Some(connection) };
                retry = FIRST_RETRY;
                link.lost.notified().await;
                if pool.is_some() {
                    tracing::warn!("Redis connection lost, reconnecting");
                }
            }
            Err(failure) => {
                if !complained {
                    tracing::error!(error = %failure, "Redis not reached, trying again until it is");
                    complained = true;
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
    patience: Duration,
) -> Result<MultiplexedConnection, Failure> {
    let told = Arc::downgrade(link);
    let config = AsyncConnectionConfig::new().set_connection_timeout(patience).set_push_sender(
        move |info: PushInfo| {
            if info.kind == PushKind::Disconnection
                && let Some(link) = told.upgrade()
            {
                link.give_up(number);
            }
            Ok::<(), SendError>(())
        },
    );
    let reached = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        probe().query_async::<()>(&mut connection).await?;
        Ok::<_, RedisError>(connection)
    };
    tokio::time::timeout(patience * 2, reached)
        .await
        .map_err(|_| Failure::Slow(patience * 2))?
        .map_err(Failure::from)
}

fn entry(store_key: &str) -> String {
    format!("{PREFIX}{store_key}")
}
