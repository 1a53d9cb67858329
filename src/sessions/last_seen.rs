//! Records when sessions were last used: written in batches, outside of requests, at most once a minute per session.

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
    found_session::FoundSession,
    live::event_bus::EventBus,
};
use crate::{
    clock::now,
    config,
    db::{Db, DbConnection, schema::sessions},
    error::Error,
};

/// By so much the expiry of one use may differ between instances.
const CLOCK_LEEWAY: time::Duration = time::Duration::seconds(5);

/// How long a batch collects records before it is written.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

/// Collects the sessions that were used since the last batch, by public id; cheap to clone.
#[derive(Clone)]
pub(super) struct LastSeenRecorder {
    batch: Arc<Mutex<HashMap<String, LastSeen>>>,
    /// Notified when the batch is no longer empty.
    recorded: Arc<Notify>,
    /// Held while a batch is written.
    writing: Arc<tokio::sync::Mutex<()>>,
    bus: EventBus,
    config: Arc<config::Session>,
}

/// One use of a session.
#[derive(Clone, Copy)]
struct LastSeen {
    at: PrimitiveDateTime,
    expires_at: PrimitiveDateTime,
}

/// How old the catalogue's `last_seen_at` may be for a session with this lifetime: at most a minute.
pub(super) fn staleness(ttl: Duration) -> Duration {
    (ttl / 16).min(Duration::from_secs(60))
}

/// How old the time of this session becomes before a use is written: up to a quarter less than [`staleness`], by its id, so that sessions
/// that are used at the same time are not written all at the same time.
fn due_after(found: &FoundSession, ttl: Duration) -> Duration {
    let share = found.session_id.bytes().fold(0_u8, u8::wrapping_add);
    staleness(ttl).mul_f64(1.0 - f64::from(share) / f64::from(u8::MAX) / 4.0)
}

/// The expiry that the catalogue gets for a session that is used now: late enough that the session does not end early because
/// a later use has not been written yet.
pub(super) fn expiry(at: PrimitiveDateTime, ttl: Duration, absolute: PrimitiveDateTime) -> PrimitiveDateTime {
    at.saturating_add(
        time::Duration::try_from(ttl + staleness(ttl) + BATCH_WINDOW).unwrap_or(time::Duration::DAY),
    )
    .min(absolute)
}

/// Whether the catalogue has an expiry that was counted with another lifetime, since the user had another role then.
fn is_of_other_lifetime(found: &FoundSession, ttl: Duration) -> bool {
    let expected = expiry(found.last_seen_at, ttl, found.absolute_expires_at);
    (expected - found.expires_at).abs() > CLOCK_LEEWAY
}

impl LastSeenRecorder {
    /// An empty recorder. Sessions whose use has been written are published on the bus.
    pub(super) fn new(config: config::Session, bus: EventBus) -> Self {
        Self {
            batch: Arc::default(),
            recorded: Arc::default(),
            writing: Arc::default(),
            bus,
            config: Arc::new(config),
        }
    }

    /// Records that the session was used now, unless the catalogue's time is recent enough.
    pub(super) fn record(&self, found: &FoundSession) {
        let ttl = self.config.ttl(found.kind());
        let at = now();
        let expires_at = expiry(at, ttl, found.absolute_expires_at);
        let unrecorded = at - found.last_seen_at;
        let is_recorded = unrecorded < due_after(found, ttl)
            && (unrecorded.is_negative() || !is_of_other_lifetime(found, ttl));
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        // What waits to be written may have been counted as of another role.
        if is_recorded && !batch.contains_key(&found.session_id) {
            return;
        }
        batch.insert(found.session_id.clone(), LastSeen { at, expires_at });
        self.recorded.notify_one();
    }

    /// Writes batches for as long as it is polled.
    pub(super) async fn write_batches(self, db: Db) {
        loop {
            self.recorded.notified().await;
            tokio::time::sleep(BATCH_WINDOW).await;
            let _writing = self.writing.lock().await;
            let batch = self.take_batch();
            let write = async |db: &Db| {
                let batch = batch.clone();
                db.transaction(move |conn| write(conn, batch)).await
            };
            self.publish(batch.keys().cloned().collect(), db.with_retries(write).await);
        }
    }

    /// Writes the batch before a stop, once the one before it is written.
    pub(super) async fn flush(&self, db: &Db) {
        let _writing = self.writing.lock().await;
        let batch = self.take_batch();
        if !batch.is_empty() {
            let ids = batch.keys().cloned().collect();
            self.publish(ids, db.transaction(move |conn| write(conn, batch)).await);
        }
    }

    fn take_batch(&self) -> HashMap<String, LastSeen> {
        std::mem::take(&mut *self.batch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Publishes a batch that was written. One that could not be is lost: the next request of each session records it again.
    fn publish(&self, ids: Vec<String>, written: Result<(), Error>) {
        match written {
            Ok(()) => self.bus.seen(ids),
            Err(error) => tracing::warn!(error = ?error.causes(), "last-seen times could not be written"),
        }
    }
}

/// Writes one statement on Postgres, and one per session on SQLite, where a statement costs only a function call.
fn write(conn: &mut DbConnection, batch: HashMap<String, LastSeen>) -> Result<(), Error> {
    match conn {
        DbConnection::Postgres(pg) => {
            let (mut ids, mut times, mut expiries) = (Vec::new(), Vec::new(), Vec::new());
            for (id, last_seen) in batch {
                ids.push(id);
                times.push(last_seen.at);
                expiries.push(last_seen.expires_at);
            }
            diesel::sql_query(format!(
                "UPDATE sessions SET last_seen_at = new.at, expires_at = new.expires_at \
                 FROM unnest($1, $2, $3) AS new (id, at, expires_at) \
                 WHERE sessions.id = new.id AND {NOT_ENDED_SQL} AND sessions.last_seen_at < new.at"
            ))
            .bind::<Array<Text>, _>(ids)
            .bind::<Array<Timestamp>, _>(times)
            .bind::<Array<Timestamp>, _>(expiries)
            .execute(pg)?;
        }
        DbConnection::Sqlite(sqlite) => {
            for (id, last_seen) in batch {
                diesel::update(sessions::table.find(id))
                    .filter(not_ended())
                    .filter(sessions::last_seen_at.lt(last_seen.at))
                    .set((
                        sessions::last_seen_at.eq(last_seen.at),
                        sessions::expires_at.eq(last_seen.expires_at),
                    ))
                    .execute(sqlite)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, crypto::random_url_safe, sessions::catalogue::method::Method, users::Role};

    const DAY: time::Duration = time::Duration::DAY;

    fn used_just_now(role: Role) -> FoundSession {
        let at = now();
        let absolute_expires_at = at + 90 * DAY;
        FoundSession {
            store_key: String::new(),
            session_id: "id".to_owned(),
            user_id: 1,
            created_at: at,
            last_seen_at: at,
            expires_at: expiry(at, Duration::from_secs(86_400), absolute_expires_at),
            absolute_expires_at,
            remembered: false,
            method: Method::Password,
            state: None,
            bound_at: None,
            name: String::new(),
            email: String::new(),
            role,
            user_created_at: at,
            last_login_at: None,
            session_epoch: 1,
            email_confirmed_at: None,
            pending_email: None,
            second_factor: false,
        }
    }

    #[test]
    fn sessions_used_at_the_same_time_are_due_at_different_times() {
        let day = Duration::from_secs(86_400);
        let found =
            || FoundSession { session_id: random_url_safe::<16>().unwrap(), ..used_just_now(Role::User) };
        let mut due_within = [0; 15];
        for _ in 0..1_500 {
            let seconds = due_after(&found(), day).as_secs_f64();
            assert!((45.0..=60.0).contains(&seconds), "{seconds}");
            due_within[(seconds as usize - 45).min(14)] += 1;
        }
        assert!(due_within.iter().all(|count| (20..250).contains(count)), "1,500 by second: {due_within:?}");
    }

    #[test]
    fn last_use_counts_as_of_the_role_then() {
        let vars =
            [("SESSION_ADMIN_IDLE_TTL", "1h")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_vars(vars.to_vec()).unwrap().session;
        let recorder = LastSeenRecorder::new(config, EventBus::new(false).0);
        recorder.record(&used_just_now(Role::User));
        assert!(recorder.take_batch().is_empty(), "it is recorded already");
        // Whoever is made an administrator and is none any more before the batch is written.
        for (roles, longest) in [
            (&[Role::Admin][..], time::Duration::hours(2)),
            (&[Role::Admin, Role::User], 2 * DAY),
            (&[Role::Admin, Role::User, Role::Admin], time::Duration::hours(2)),
        ] {
            roles.iter().for_each(|role| recorder.record(&used_just_now(*role)));
            let left = recorder.take_batch()["id"].expires_at - now();
            assert!(left < longest && left > longest / 3, "{roles:?}: {left}");
        }
    }
}
