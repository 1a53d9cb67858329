//! Sessions in Redis. actix-session's own store makes and deletes the entries; what it does without a time limit or unsafely
//! (changing an entry that is gone) is done here in the same format, over a link that times out and reconnects by itself.

use std::{sync::Arc, time::Duration};

use actix_session::storage::{RedisSessionStore, SessionKey, SessionStore as _};
use deadpool_redis::{Pool, Runtime, Timeouts};
use redis::{
    Client, FromRedisValue, IntoConnectionInfo as _, Pipeline, ProtocolVersion, RedisError,
    aio::{MultiplexedConnection, PubSub},
};
use url::Url;

use super::{
    key::{Key, PREFIX},
    redis_link::{FIRST_RETRY, Failure, Link, drop_idle, probe},
    state::State,
};
use crate::{crypto::sha256_hex, error::Error, sessions::duration::time_duration};

/// The pub/sub channel of the instances.
const CHANNEL: &str = "gatehouse:sessions";

/// The Redis side of the store; cheap to clone.
#[derive(Clone)]
pub struct Redis {
    entries: RedisSessionStore,
    /// The connections of `entries`.
    pool: Pool,
    client: Client,
    link: Arc<Link>,
    /// The link of the worker thread, for what every request does: no other thread has to be woken for it.
    thread_link: Option<Arc<Link>>,
    timeout: Duration,
}

impl Redis {
    /// Prepares the store and starts connecting in the background; never waits for Redis.
    ///
    /// # Errors
    /// When the URL can't be used.
    pub async fn new(url: &Url, timeout: Duration) -> Result<Self, Error> {
        // In the newer protocol the connection tells of its end by itself, also while nobody asks for anything.
        let mut info = url.as_str().into_connection_info().map_err(Error::internal)?;
        info.redis.protocol = ProtocolVersion::RESP3;
        let client = Client::open(info).map_err(Error::internal)?;
        let mut config = deadpool_redis::Config::from_url(url.as_str());
        config.pool = Some(deadpool_redis::PoolConfig {
            max_size: 4,
            timeouts: Timeouts { wait: Some(timeout), create: Some(timeout), recycle: Some(timeout) },
            ..Default::default()
        });
        let pool: Pool = config.create_pool(Some(Runtime::Tokio1)).map_err(Error::internal)?;
        let entries = RedisSessionStore::builder_pooled(pool.clone())
            .cache_keygen(|key| format!("{PREFIX}{}", sha256_hex(key)))
            .build()
            .await
            .map_err(|error| Error::internal(error.to_string()))?;
        let link = Link::start(&client, timeout, Some(pool.clone()));
        Ok(Self { entries, pool, client, link, thread_link: None, timeout })
    }

    /// The same with a link of the calling thread's own, used while it stands.
    pub fn with_thread_link(&self) -> Self {
        Self { thread_link: Some(Link::start(&self.client, self.timeout, None)), ..self.clone() }
    }

    /// Reads an entry and starts its lifetime anew in one round trip; never makes one.
    pub async fn read(&self, store_key: &str, ttl: Duration) -> Result<Option<String>, Error> {
        let mut command = redis::cmd("GETEX");
        command.arg(entry(store_key)).arg("EX").arg(ttl.as_secs());
        self.within(async |connection| command.query_async(connection).await).await
    }

    /// Makes an entry under a new random key.
    pub async fn create(&self, state: State, ttl: Duration) -> Result<SessionKey, Error> {
        let ttl = time_duration(ttl);
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
    pub async fn delete_by_key(&self, key: Key) -> Result<(), Error> {
        let Some(key) = key.into_inner() else {
            return Ok(());
        };
        self.through_store(self.entries.delete(&key)).await
    }

    /// Deletes an entry by its store key; whether it was there.
    pub async fn delete(&self, store_key: &str) -> Result<bool, Error> {
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
    pub async fn get(&self, store_key: &str) -> Result<Option<String>, Error> {
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
        match tokio::time::timeout(self.timeout * 4, subscribed).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(Failure::Refused(error).into()),
            Err(_) => Err(Failure::Slow(self.timeout * 4).into()),
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
        match tokio::time::timeout(self.timeout, ask(&mut connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if error.is_connection_dropped() || error.is_io_error() || error.is_timeout() {
                    link.give_up(number);
                }
                Err(Failure::Refused(error).into())
            }
            Err(_) => {
                link.give_up(number);
                Err(Failure::Slow(self.timeout).into())
            }
        }
    }

    /// The nearest link that stands. While the common one is down nobody waits for the other.
    fn current(&self) -> Result<(&Link, (u64, MultiplexedConnection)), Failure> {
        let common = self.link.current()?;
        match self.thread_link.as_deref().map(|link| (link, link.current())) {
            Some((link, Ok(connection))) => Ok((link, connection)),
            _ => Ok((&self.link, common)),
        }
    }

    /// A call of actix-session's store, which has connections of its own and no time limit.
    async fn through_store<T, E: std::fmt::Debug>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        self.link.current()?;
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Failure::Store(format!("{error:?}")).into()),
            Err(_) => {
                // The connection went back to the pool and may never answer again; so may the others.
                drop_idle(&self.pool);
                Err(Failure::Slow(self.timeout).into())
            }
        }
    }
}

fn entry(store_key: &str) -> String {
    format!("{PREFIX}{store_key}")
}
