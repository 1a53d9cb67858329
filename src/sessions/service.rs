//! The session service: everything that the application knows of sessions, and the operations on them. Files beside this one
//! add operations: `start`, `pages`, `end_many`, `store_check`, and those of `request` and `upkeep`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus_client::registry::Registry;
use time::PrimitiveDateTime;
use tokio::sync::mpsc;

use super::{
    active_count::ActiveCount,
    catalogue::{
        end::{self, EndOutcome, EndRequest, Ended, Target},
        rows,
    },
    duration::time_duration,
    last_seen::LastSeenRecorder,
    live::{event_bus::EventBus, message::Message},
    lookup::Lookup,
    metrics::SessionMetrics,
    store::redis::Redis,
};
use crate::{
    clock::now,
    config::{self, Config, DatabaseUrl},
    crypto::random_hex,
    db::Db,
    error::Error,
    security::Client,
    telemetry::metrics::GaugeAtScrape,
    throttle::RedisCommands,
    users::Role,
};

/// Entries that the store deletes in one round trip.
const DELETED_AT_ONCE: usize = 1_000;
/// So long a session counts as just started.
const JUST_STARTED: time::Duration = time::Duration::seconds(30);

/// The sessions of the site.
pub struct Sessions {
    pub(super) db: Db,
    pub(super) backend: Backend,
    pub(super) lookup: Lookup,
    pub(super) last_seen: LastSeenRecorder,
    pub(super) bus: EventBus,
    /// Messages for the other instances, until a task takes the receiver.
    pub(super) outbound: Mutex<Option<mpsc::Receiver<Message>>>,
    pub(super) active_count: Arc<ActiveCount>,
    pub(super) config: config::Session,
    pub(super) history: config::History,
    /// The id of this instance in messages.
    pub(super) instance: String,
    pub(super) started_at: PrimitiveDateTime,
    pub(super) metrics: Arc<SessionMetrics>,
}

/// Where the state of sessions is stored.
pub(super) enum Backend {
    /// In Redis.
    Redis(Box<Redis>),
    /// In the catalogue's own table.
    Sql,
}

impl Sessions {
    /// Opens the store and starts the lookup thread; waits for neither Redis nor the database.
    ///
    /// # Errors
    /// When the Redis URL can't be used or a thread can't be started.
    pub async fn new(config: &Config, db: Db) -> Result<Self, Error> {
        let backend = match &config.stores.redis {
            Some(url) => Backend::Redis(Box::new(Redis::new(url, config.stores.timeout)?)),
            None => Backend::Sql,
        };
        let metrics = Arc::new(SessionMetrics::default());
        let lookup = Lookup::start(db.clone(), config.stores.timeout, Arc::clone(&metrics))?;
        let has_peers =
            config.stores.redis.is_some() || matches!(config.stores.database, DatabaseUrl::Postgres(_));
        let (bus, outbound) = EventBus::new(has_peers);
        let last_seen = LastSeenRecorder::new(config.session.clone(), bus.clone());
        Ok(Self {
            db,
            backend,
            lookup,
            last_seen,
            bus,
            outbound: Mutex::new(outbound),
            active_count: Arc::default(),
            config: config.session.clone(),
            history: config.history,
            instance: random_hex::<8>()?,
            started_at: now(),
            metrics,
        })
    }

    /// Where what happens to sessions is published.
    pub fn bus(&self) -> &EventBus {
        &self.bus
    }

    /// Registers what is counted and measured of sessions.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
        let bus = self.bus.clone();
        GaugeAtScrape::register(registry, "event_streams", "Open streams of live pages", move || {
            Some(bus.open_streams() as f64)
        });
        let bus = self.bus.clone();
        GaugeAtScrape::register(
            registry,
            "peers_linked",
            "1 while messages of the other instances arrive, or none are expected",
            move || Some(f64::from(u8::from(*bus.linked().borrow()))),
        );
        if let Backend::Redis(redis) = &self.backend {
            redis.register_metrics(registry);
        }
    }

    /// The absolute lifetime of sessions of users with this role.
    pub fn absolute_ttl(&self, role: Role) -> time::Duration {
        time_duration(self.config.absolute_ttl(role == Role::Admin))
    }

    /// Writes what waits to be written.
    pub async fn flush(&self) {
        self.last_seen.flush(&self.db).await;
    }

    /// Whether the store does what a sign-in needs of it. At its memory limit, say, Redis answers and takes no new entry.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it doesn't.
    pub async fn check(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.check().await,
            Backend::Sql => Ok(()),
        }
    }

    /// Whether sessions can be looked up, in the way of each request. The first call connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when they can't.
    pub async fn check_lookup(&self) -> Result<(), Error> {
        self.lookup.find(String::new()).await.map(drop)
    }

    /// Waits until the store answers: for the command line, which starts without a link.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after `longest`.
    pub async fn wait(&self, longest: Duration) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.wait(longest).await,
            Backend::Sql => Ok(()),
        }
    }

    /// Ends sessions: they are refused at their very next request on every instance.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached; then none has ended.
    pub async fn end(&self, target: Target, request: EndRequest) -> Result<EndOutcome, Error> {
        let in_store = self.has_entries();
        let ended = self.db.transaction(move |conn| end::end(conn, &target, &request, in_store)).await?;
        Ok(self.announce_and_delete(&ended).await)
    }

    /// Whether this client has a session that started in the last few seconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn has_just_started(&self, client: Client) -> Result<bool, Error> {
        let since = now().saturating_sub(JUST_STARTED);
        self.db.run(move |conn| rows::has_started(conn, &client, since)).await
    }

    /// Whether this is still the key of a session that has not ended.
    pub async fn is_current(&self, store_key: &str) -> bool {
        matches!(self.lookup.find(store_key.to_owned()).await, Ok(Some(_)))
    }

    /// The Redis of the sessions, for what else is kept there; `None`: there is none.
    pub fn redis_commands(&self) -> Option<Arc<dyn RedisCommands>> {
        match &self.backend {
            Backend::Redis(redis) => Some(Arc::new(Redis::clone(redis))),
            Backend::Sql => None,
        }
    }

    /// Whether the store holds entries apart from the catalogue.
    pub fn has_entries(&self) -> bool {
        matches!(self.backend, Backend::Redis(_))
    }

    /// Announces sessions that a committed transaction has ended, and deletes their entries. Every end comes through here.
    pub async fn announce_and_delete(&self, ended: &[Ended]) -> EndOutcome {
        self.metrics.count_ends(ended);
        self.bus.ended(ended);
        let entries: Vec<_> =
            ended.iter().map(|session| (session.id.clone(), session.store_key.clone())).collect();
        EndOutcome { count: ended.len(), confirmed: self.delete_entries(&entries).await }
    }

    /// Deletes the entries of these ended sessions, given by id and store key; `false` when the store did not confirm it.
    pub(super) async fn delete_entries(&self, entries: &[(String, Option<String>)]) -> bool {
        let Backend::Redis(redis) = &self.backend else {
            return true;
        };
        for part in entries.chunks(DELETED_AT_ONCE) {
            let keys: Vec<String> = part.iter().filter_map(|(_, key)| key.clone()).collect();
            if let Err(error) = redis.delete_all(&keys).await {
                tracing::warn!(error = ?error.causes(), "entries of ended sessions wait to be deleted");
                return false;
            }
            let ids: Vec<String> = part.iter().map(|(id, _)| id.clone()).collect();
            if self.db.run(move |conn| end::confirm_deleted(conn, &ids)).await.is_err() {
                return false;
            }
        }
        true
    }
}
