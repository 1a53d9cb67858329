//! Sessions: started, renewed, ended, listed. The catalogue (SQL) decides whether a session has ended; the
//! store (Redis, or the catalogue's own table) holds its state and the rolling clock.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;

use time::PrimitiveDateTime;

use super::{
    active_count::Counted,
    catalogue::{
        list::Listed,
        rows::{self as catalogue, EndReason, Ending, Which},
    },
    last_seen::Seen,
    live::{event_bus::Hub, message::Message, pubsub as relay},
    lookup::Lookup,
    store::redis::Redis,
    upkeep::{recheck as watched, samples, sweep},
};
use crate::{
    config::{self, Config},
    db::{Db, now},
    error::Error,
};
/// Everything that is known of sessions, and the verbs on them.
pub struct Sessions {
    pub(super) db: Db,
    pub(super) backend: Backend,
    pub(super) lookup: Lookup,
    pub(super) seen: Seen,
    pub(super) live: Hub,
    /// What other instances are to be told, until somebody does.
    pub(super) outbound: Mutex<Option<mpsc::Receiver<Message>>>,
    pub(super) counted: Counted,
    pub(super) config: config::Session,
    pub(super) started_at: PrimitiveDateTime,
}

/// Where the state of sessions lives.
pub(super) enum Backend {
    Redis(Box<Redis>),
    Sql,
}

/// What became of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Sessions that ended just now.
    pub count: usize,
    /// Whether the store has confirmed that their entries are gone. If not they are refused all the same, and
    /// deletion is tried until it is confirmed.
    pub confirmed: bool,
}

impl Sessions {
    /// Opens the store and starts the lookup thread; waits for neither Redis nor the database.
    ///
    /// # Errors
    /// When the Redis URL can't be used or a thread can't be made.
    pub async fn new(config: &Config, db: Db) -> Result<Self, Error> {
        let backend = match &config.redis {
            Some(url) => Backend::Redis(Box::new(Redis::new(url, config.store_timeout).await?)),
            None => Backend::Sql,
        };
        let lookup = Lookup::start(db.clone(), config.store_timeout)?;
        let (live, outbound) = Hub::new(config.redis.is_some());
        let seen = Seen::new(config.session.clone(), live.clone());
        Ok(Self {
            db,
            backend,
            lookup,
            seen,
            live,
            outbound: Mutex::new(outbound),
            counted: Counted::default(),
            config: config.session.clone(),
            started_at: now(),
        })
    }

    /// Work that goes on beside the requests, for as long as it is polled.
    pub async fn background(self: Arc<Self>) {
        let batches = self.seen.clone().write_batches(self.db.clone());
        let swept = sweep::run(Arc::clone(&self));
        let sampled = samples::run(Arc::clone(&self));
        tokio::join!(batches, swept, sampled, watched::run(Arc::clone(&self)), self.relay());
    }

    /// Tells the other instances what waits to be told: for the command line, which has no background.
    pub async fn tell_others(&self) {
        if let (Backend::Redis(redis), Some(mut outbound)) = (&self.backend, self.take_outbound()) {
            relay::send_waiting(redis, &self.live, &mut outbound).await;
        }
    }

    fn take_outbound(&self) -> Option<mpsc::Receiver<Message>> {
        self.outbound.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn relay(&self) {
        if let (Backend::Redis(redis), Some(outbound)) = (&self.backend, self.take_outbound()) {
            relay::run(redis, &self.live, outbound).await;
        }
    }

    /// Where what happens to sessions is told.
    pub fn live(&self) -> &Hub {
        &self.live
    }

    /// Writes what waits to be written.
    pub async fn flush(&self) {
        self.seen.flush(&self.db).await;
    }

    /// Whether the store answers.
    pub async fn check(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.ping().await,
            Backend::Sql => Ok(()),
        }
    }

    /// Whether the store takes new entries: one that is full answers, but can't give a session a new key.
    pub async fn check_room(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.check_room().await,
            Backend::Sql => Ok(()),
        }
    }

    /// Waits until the store answers, at most so long: for the command line, which starts with no link yet.
    pub async fn wait(&self, longest: Duration) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.wait(longest).await,
            Backend::Sql => Ok(()),
        }
    }

    /// Ends sessions: they are refused at their very next request on every instance.
    pub async fn end(&self, which: Which, ending: Ending) -> Result<Ends, Error> {
        let in_store = self.has_entries();
        let ended = self.db.transaction(move |conn| catalogue::end(conn, &which, &ending, in_store)).await?;
        Ok(Ends { count: ended.len(), confirmed: self.forget(&ended).await })
    }

    /// Whether this is still the key of a session that has not ended.
    pub async fn is_current(&self, store_key: &str) -> bool {
        matches!(self.lookup.find(store_key.to_owned()).await, Ok(Some(_)))
    }

    /// Whether the store holds entries apart from the catalogue.
    pub fn has_entries(&self) -> bool {
        matches!(self.backend, Backend::Redis(_))
    }

    /// Tells of sessions that a transaction of the caller's has ended, and deletes their entries; `false` when the
    /// store did not confirm it. Every end comes by here.
    pub async fn forget(&self, ended: &[catalogue::Ended]) -> bool {
        self.live.ended(ended);
        let ids = ended.iter().map(|session| session.id.clone()).collect();
        self.delete_entries(ids, ended.iter().filter_map(|session| session.store_key.clone()).collect()).await
    }

    /// Deletes the entries of these ended sessions; `false` when the store did not confirm it.
    pub(super) async fn delete_entries(&self, ids: Vec<String>, keys: Vec<String>) -> bool {
        let Backend::Redis(redis) = &self.backend else {
            return true;
        };
        if let Err(error) = redis.delete_all(&keys).await {
            tracing::warn!(error = ?error.causes(), "entries of ended sessions wait to be deleted");
            return false;
        }
        if ids.is_empty() {
            return true;
        }
        self.db.run(move |conn| catalogue::confirm_deleted(conn, &ids)).await.is_ok()
    }

    /// Compares listed sessions with the store in one round trip: those that it lost are ended as `missing` and
    /// left out, the others get the store's own time of expiry.
    pub async fn confirm(&self, listed: Vec<Listed>) -> Result<Vec<Listed>, Error> {
        let Backend::Redis(redis) = &self.backend else {
            let (there, missing): (Vec<_>, Vec<_>) =
                listed.into_iter().partition(|session| session.state.is_some());
            self.end_missing(missing.into_iter().filter_map(|session| session.store_key).collect()).await?;
            return Ok(there);
        };
        let keys: Vec<&str> = listed.iter().filter_map(|session| session.store_key.as_deref()).collect();
        let left = redis.time_left(&keys).await?;
        let at = now();
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for (mut session, left) in listed.into_iter().zip(left) {
            match left {
                Some(left) => {
                    let expires_at = at.saturating_add(time_duration(left));
                    session.expires_at = expires_at.min(session.absolute_expires_at);
                    there.push(session);
                }
                None if is_due(session.expires_at) => {}
                None => missing.extend(session.store_key),
            }
        }
        self.end_missing(missing).await?;
        Ok(there)
    }

    /// Ends those of the sessions with these store keys that the store has lost.
    pub async fn end_lost(&self, store_keys: Vec<String>) -> Result<(), Error> {
        let Backend::Redis(redis) = &self.backend else {
            return Ok(());
        };
        let left = redis.time_left(&store_keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let missing = store_keys.into_iter().zip(left).filter(|(_, left)| left.is_none());
        self.end_missing(missing.map(|(key, _)| key).collect()).await
    }

    /// Ends the sessions that still have one of these store keys, which the store has lost.
    async fn end_missing(&self, store_keys: Vec<String>) -> Result<(), Error> {
        if !store_keys.is_empty() {
            self.end(Which::Lost(store_keys), Ending::by_system(EndReason::Missing)).await?;
        }
        Ok(())
    }

    /// Puts entries into the store that no sign-in made: store key, state, time left. Nothing, where the catalogue
    /// itself is the store.
    pub async fn put_entries(&self, entries: &[(&str, String, time::Duration)]) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.put_all(entries).await,
            Backend::Sql => Ok(()),
        }
    }

    /// The stored state of a session as JSON, if there is any.
    pub async fn stored_state(&self, session: &Listed) -> Result<Option<String>, Error> {
        match (&self.backend, &session.store_key) {
            (Backend::Redis(redis), Some(store_key)) => redis.peek(store_key).await,
            (Backend::Sql, _) => Ok(session.state.clone()),
            (Backend::Redis(_), None) => Ok(None),
        }
    }
}

/// Whether a session that the store doesn't have is one whose time is over, and not one that was lost. The store counts
/// from another moment than the catalogue, and in whole seconds.
pub(super) fn is_due(expires_at: PrimitiveDateTime) -> bool {
    expires_at <= now().saturating_add(time::Duration::SECOND)
}

pub(super) fn time_duration(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

pub(super) fn cookie_duration(duration: Duration) -> actix_web::cookie::time::Duration {
    time_duration(duration)
}
