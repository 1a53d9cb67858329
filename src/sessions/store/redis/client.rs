//! The client of the Redis that stores the sessions: sends commands over a link that times out and reconnects in the
//! background, and publishes messages between instances. The operations on entries are in `entries`.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use redis::{FromRedisValue, Pipeline, RedisError, Value, aio::PubSub};

use super::{
    actix_store::ActixStore,
    connection::Connection,
    failure::{Failure, is_broken, is_not_here},
    link::{FIRST_RETRY, Link},
    links::{Links, follow_sentinels},
    metrics::RedisMetrics,
    servers::{Servers, probe},
};
use crate::{
    config::RedisUrl,
    error::Error,
    telemetry::metrics::{GaugeAtScrape, observe_since},
    throttle::RedisCommands,
};

/// The pub/sub channel between instances, without the number of the database.
const CHANNEL: &str = "gatehouse:sessions";

/// The session store in Redis; cheap to clone.
#[derive(Clone)]
pub struct Redis {
    pub(super) servers: Arc<Servers>,
    pub(super) links: Arc<Links>,
    /// The link that all threads share.
    shared_link: Arc<Link>,
    /// A worker thread's own link, for what every request does: it wakes no other thread.
    thread_link: Option<Arc<Link>>,
    /// The name of the pub/sub channel, which all databases of a server share.
    channel: Arc<str>,
    pub(super) timeout: Duration,
    metrics: Arc<RedisMetrics>,
}

impl Redis {
    /// Prepares the store and starts connecting in the background; never waits for Redis.
    ///
    /// # Errors
    /// [`Error::Internal`] when the URL can't be used.
    pub fn new(url: &RedisUrl, timeout: Duration) -> Result<Self, Error> {
        let servers = Arc::new(Servers::new(url, timeout)?);
        let links = Arc::new(Links::new(timeout));
        let shared_link = links.start_shared(&servers);
        if servers.has_sentinels() {
            actix_web::rt::spawn(follow_sentinels(Arc::clone(&servers), Arc::downgrade(&links)));
        }
        let channel = format!("{CHANNEL}:{}", url.database).into();
        let (thread_link, metrics) = (None, Arc::default());
        Ok(Self { servers, links, shared_link, thread_link, channel, timeout, metrics })
    }

    /// The same store with a link of the calling thread, which is used while it is connected.
    pub fn with_thread_link(&self) -> Self {
        Self { thread_link: Some(self.links.start(&self.servers)), ..self.clone() }
    }

    /// Waits until Redis answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after `longest`, with the reason of the last attempt.
    pub async fn wait(&self, longest: Duration) -> Result<(), Error> {
        let mut last = None;
        let answered = async {
            while let Err(error) = self.ping().await {
                last = Some(error);
                tokio::time::sleep(FIRST_RETRY).await;
            }
        };
        let in_time = tokio::time::timeout(longest, answered).await;
        in_time.map_err(|elapsed| match (self.shared_link.failure(), last) {
            (Some(failure), _) => Error::unavailable(failure),
            (None, Some(error)) => error,
            (None, None) => Error::unavailable(elapsed),
        })
    }

    /// Publishes a text to all instances.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn publish(&self, text: &str) -> Result<(), Error> {
        let mut command = redis::pipe();
        command.cmd("PUBLISH").arg(&*self.channel).arg(text).ignore();
        self.run(&command).await
    }

    /// A connection of its own that receives what is published.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn subscribe(&self) -> Result<PubSub, Error> {
        Ok(self.servers.subscribe(&self.channel).await?)
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

    /// Runs commands in one round trip.
    pub(super) async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Error> {
        self.with_timeout(async |connection| commands.query_async(connection).await).await
    }

    /// Runs commands over the current link. Drops the connection when it is broken or the answer takes too long.
    pub(super) async fn with_timeout<T>(
        &self,
        commands: impl AsyncFnOnce(&mut Connection) -> Result<T, RedisError>,
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
        commands: impl AsyncFnOnce(&mut Connection) -> Result<T, RedisError>,
    ) -> Result<T, Error> {
        let (link, (number, mut connection)) = self.current()?;
        match tokio::time::timeout(self.timeout, commands(&mut connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let not_here = is_not_here(&error);
                let is_first = (not_here || is_broken(&error)) && link.drop_connection(number);
                // By the time of the second such answer over one connection, others may be connected anew.
                if not_here && is_first {
                    self.links.give_up();
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
    pub(super) fn current(&self) -> Result<(&Link, (u64, Connection)), Failure> {
        let shared = self.shared_link.current()?;
        match self.thread_link.as_deref().map(|link| (link, link.current())) {
            Some((link, Ok(connection))) => Ok((link, connection)),
            Some((_, Err(_))) | None => Ok((&self.shared_link, shared)),
        }
    }

    /// Calls actix-session's store, which has connections of its own and no time limit.
    pub(super) async fn call_actix_store<T>(
        &self,
        call: impl AsyncFnOnce(&ActixStore) -> anyhow::Result<T>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        self.record(began, self.over_pool(call).await)
    }

    async fn over_pool<T>(
        &self,
        call: impl AsyncFnOnce(&ActixStore) -> anyhow::Result<T>,
    ) -> Result<T, Error> {
        self.shared_link.current()?;
        let store = self.links.actix_stores.current()?;
        match tokio::time::timeout(self.timeout, call(&store)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if error.chain().filter_map(|cause| cause.downcast_ref()).any(is_not_here) {
                    self.links.give_up();
                }
                Err(Failure::SessionStore(error).into())
            }
            Err(_) => {
                // The connection went back to the pool and may never answer again. The same holds for the other connections.
                self.links.actix_stores.drop_idle();
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
