//! When a session was last seen: written in batches, off the request's path, at most once a minute per session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diesel::{
    prelude::*,
    sql_types::{Array, Text, Timestamp},
};
use time::PrimitiveDateTime;
use tokio::sync::Notify;

use super::{
    catalogue::predicates::{NOT_ENDED_SQL, not_ended},
    live::event_bus::EventBus,
    lookup::FoundSession,
};
use crate::{
    clock::now,
    config,
    db::{Db, DbConnection, schema::sessions},
    error::Error,
};

/// How long a batch gathers.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

/// Sessions seen since the last batch; cheap to clone.
#[derive(Clone)]
pub(super) struct LastSeenRecorder {
    waiting: Arc<Mutex<HashMap<String, LastSeen>>>,
    some: Arc<Notify>,
    bus: EventBus,
    config: Arc<config::Session>,
}

struct LastSeen {
    at: PrimitiveDateTime,
    expires_at: PrimitiveDateTime,
}

/// How old the catalogue's `last_seen_at` may be: a minute, less when sessions live shorter.
pub(super) fn staleness(ttl: Duration) -> Duration {
    (ttl / 16).min(Duration::from_secs(60))
}

/// When a session that is seen now expires, as the catalogue notes it: late enough that a sighting which
/// has not been written yet never ends it early.
pub(super) fn expiry(at: PrimitiveDateTime, ttl: Duration, absolute: PrimitiveDateTime) -> PrimitiveDateTime {
    at.saturating_add(
        time::Duration::try_from(ttl + staleness(ttl) + BATCH_WINDOW).unwrap_or(time::Duration::DAY),
    )
    .min(absolute)
}

impl LastSeenRecorder {
    /// Nobody seen yet; who is seen is told.
    pub(super) fn new(config: config::Session, bus: EventBus) -> Self {
        Self { waiting: Arc::default(), some: Arc::default(), bus, config: Arc::new(config) }
    }

    /// Notes that the session was used just now.
    pub(super) fn record(&self, found: &FoundSession) {
        let ttl = self.config.ttl(found.remembered);
        let at = now();
        if at - found.last_seen_at < staleness(ttl) {
            return;
        }
        let expires_at = expiry(at, ttl, found.absolute_expires_at);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(found.session_id.clone(), LastSeen { at, expires_at });
        self.some.notify_one();
    }

    /// Writes batches for as long as it is polled.
    pub(super) async fn write_batches(self, db: Db) {
        loop {
            self.some.notified().await;
            tokio::time::sleep(BATCH_WINDOW).await;
            self.flush(&db).await;
        }
    }

    /// Writes what waits. When the database is away it is lost: the next request of each session notes it again.
    pub(super) async fn flush(&self, db: &Db) {
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if batch.is_empty() {
            return;
        }
        let ids = batch.keys().cloned().collect();
        let written = db.with_long_timeout().transaction(move |conn| write(conn, batch)).await;
        match written {
            Ok(()) => self.bus.seen(ids),
            Err(error) => tracing::warn!(error = ?error.causes(), "last-seen times could not be written"),
        }
    }
}

/// One statement on Postgres, one per session on SQLite, where a statement is a function call.
fn write(conn: &mut DbConnection, batch: HashMap<String, LastSeen>) -> Result<(), Error> {
    match conn {
        DbConnection::Postgres(pg) => {
            let (mut ids, mut seen, mut expires) = (Vec::new(), Vec::new(), Vec::new());
            for (id, sighting) in batch {
                ids.push(id);
                seen.push(sighting.at);
                expires.push(sighting.expires_at);
            }
            diesel::sql_query(format!(
                "UPDATE sessions SET last_seen_at = new.at, expires_at = new.expires_at \
                 FROM unnest($1, $2, $3) AS new (id, at, expires_at) \
                 WHERE sessions.id = new.id AND {NOT_ENDED_SQL} AND sessions.last_seen_at < new.at"
            ))
            .bind::<Array<Text>, _>(ids)
            .bind::<Array<Timestamp>, _>(seen)
            .bind::<Array<Timestamp>, _>(expires)
            .execute(pg)?;
        }
        DbConnection::Sqlite(sqlite) => {
            for (id, sighting) in batch {
                diesel::update(sessions::table.find(id))
                    .filter(not_ended())
                    .filter(sessions::last_seen_at.lt(sighting.at))
                    .set((
                        sessions::last_seen_at.eq(sighting.at),
                        sessions::expires_at.eq(sighting.expires_at),
                    ))
                    .execute(sqlite)?;
            }
        }
    }
    Ok(())
}
