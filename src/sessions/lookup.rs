//! The session and user of a session key, looked up by every request of a signed-in user.
//!
//! One thread answers all lookups that are waiting with one query, as a data loader does: under load the cost is shared, a
//! single lookup does not wait for others, and no request pays for a hop to the blocking pool. Kept by hand: data loader crates
//! collect per task or after a delay.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

#[expect(
    deprecated,
    reason = "the successor writes one parameter per key, so each number of keys would be planned anew"
)]
use diesel::pg::expression::dsl::any;
use diesel::{prelude::*, r2d2::R2D2Connection as _};
use time::PrimitiveDateTime;
use tokio::sync::oneshot;

use super::catalogue::predicates::not_ended;
use crate::{
    db::{
        Db, DbConnection,
        schema::{sessions, users},
    },
    error::Error,
    users::Role,
};

/// The most lookups that one query answers.
const BATCH: usize = 256;

/// A session and its user, as the catalogue has them.
#[derive(Debug, Clone, Queryable)]
pub(super) struct FoundSession {
    pub session_id: String,
    pub user_id: i64,
    pub created_at: PrimitiveDateTime,
    pub last_seen_at: PrimitiveDateTime,
    pub expires_at: PrimitiveDateTime,
    pub absolute_expires_at: PrimitiveDateTime,
    pub remembered: bool,
    pub state: Option<String>,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub user_created_at: PrimitiveDateTime,
    pub last_login_at: Option<PrimitiveDateTime>,
    pub session_epoch: i64,
}

struct LookupRequest {
    store_key: String,
    reply: oneshot::Sender<Result<Option<Arc<FoundSession>>, Error>>,
}

/// The lookup thread; cheap to clone.
#[derive(Clone)]
pub(super) struct Lookup {
    requests: Sender<LookupRequest>,
    worker: Arc<LookupWorker>,
}

/// What the lookup threads share. One thread works at a time; when its database connection hangs, another one replaces it
/// as soon as the database answers again, and until then lookups fail at once.
struct LookupWorker {
    db: Db,
    timeout: Duration,
    queue: Mutex<Receiver<LookupRequest>>,
    slot: Mutex<WorkerSlot>,
}

/// Which thread works.
#[derive(Default)]
struct WorkerSlot {
    /// The number of the working thread; an earlier one that returns from a hanging query must stop.
    thread: u64,
    in_flight: Option<InFlight>,
}

/// A query that the thread waits for.
#[derive(Clone, Copy)]
struct InFlight {
    since: Instant,
    /// [`Db::pool_generation`] at that time.
    pool_generation: u64,
}

impl Lookup {
    /// Starts the thread. `timeout` is the longest wait for an answer.
    ///
    /// # Errors
    /// When the thread can't be made.
    pub(super) fn start(db: Db, timeout: Duration) -> Result<Self, Error> {
        let (requests, queue) = channel();
        let worker = Arc::new(LookupWorker { db, timeout, queue: Mutex::new(queue), slot: Mutex::default() });
        LookupWorker::start_thread(&worker, 0)?;
        Ok(Self { requests, worker })
    }

    /// The session with that store key, unless it has ended or its user may not sign in any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer in time.
    pub(super) async fn find(&self, store_key: String) -> Result<Option<Arc<FoundSession>>, Error> {
        self.worker.check()?;
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(LookupRequest { store_key, reply })
            .map_err(|_| Error::bug("the lookup thread is gone"))?;
        match tokio::time::timeout(self.worker.timeout, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::unavailable("the lookup was given up")),
            Err(elapsed) => {
                if self.worker.waits_longer_than(self.worker.timeout / 2).is_some() {
                    self.worker.db.report_slow(true);
                }
                Err(Error::unavailable(elapsed))
            }
        }
    }
}

impl LookupWorker {
    fn start_thread(worker: &Arc<Self>, number: u64) -> Result<(), Error> {
        let own = Arc::clone(worker);
        let thread = std::thread::Builder::new().name("session-lookup".into());
        thread.spawn(move || own.run(number)).map(drop).map_err(Error::internal)
    }

    /// Answers requests until another thread takes over or the last sender is dropped.
    fn run(&self, thread: u64) {
        let mut connection = None;
        while let Some(batch) = self.next_batch(thread) {
            let in_flight = InFlight { since: Instant::now(), pool_generation: self.db.pool_generation() };
            self.slot().in_flight = Some(in_flight);
            let keys: Vec<&str> = batch.iter().map(|request| request.store_key.as_str()).collect();
            let found = query_with_reconnect(&self.db, &mut connection, &keys);
            {
                let mut slot = self.slot();
                if slot.thread != thread {
                    return;
                }
                slot.in_flight = None;
            }
            reply(batch, found);
        }
    }

    /// All waiting requests, at least one; `None`: this thread must stop.
    fn next_batch(&self, thread: u64) -> Option<Vec<LookupRequest>> {
        loop {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if self.slot().thread != thread {
                return None;
            }
            let mut batch = vec![queue.recv().ok()?];
            batch.extend(queue.try_iter().take(BATCH - 1));
            batch.retain(|request| !request.reply.is_closed());
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }

    fn slot(&self) -> MutexGuard<'_, WorkerSlot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waits_longer_than(&self, time: Duration) -> Option<InFlight> {
        self.slot().in_flight.filter(|in_flight| in_flight.since.elapsed() > time)
    }

    /// Fails when the database is known to hang. Replaces a thread that has hung since before all connections were replaced.
    fn check(self: &Arc<Self>) -> Result<(), Error> {
        let hanging = self.waits_longer_than(self.timeout);
        if self.db.hangs() {
            return Err(Error::unavailable("the database does not answer"));
        }
        let Some(hanging) = hanging else {
            return Ok(());
        };
        if hanging.pool_generation == self.db.pool_generation() {
            self.db.report_slow(true);
            return Err(Error::unavailable("the database does not answer"));
        }
        let mut slot = self.slot();
        // Another caller may have replaced it already.
        if slot.in_flight.is_some_and(|in_flight| in_flight.since == hanging.since) {
            Self::start_thread(self, slot.thread + 1)?;
            slot.thread += 1;
            slot.in_flight = None;
        }
        Ok(())
    }
}

fn reply(batch: Vec<LookupRequest>, found: Result<HashMap<String, Arc<FoundSession>>, Error>) {
    let found = found.map_err(|error| error.causes());
    for request in batch {
        let answer = match &found {
            Ok(found) => Ok(found.get(&request.store_key).map(Arc::clone)),
            Err(causes) => Err(Error::unavailable(causes.clone())),
        };
        // The caller may have timed out.
        drop(request.reply.send(answer));
    }
}

/// Queries over the kept connection; one that broke is replaced once.
fn query_with_reconnect(
    db: &Db,
    connection: &mut Option<DbConnection>,
    keys: &[&str],
) -> Result<HashMap<String, Arc<FoundSession>>, Error> {
    if let Some(conn) = connection {
        let found = query(conn, keys);
        if found.is_ok() || conn.ping().is_ok() {
            return found;
        }
    }
    *connection = None;
    let mut conn = db.unpooled_connection()?;
    let found = query(&mut conn, keys)?;
    *connection = Some(conn);
    Ok(found)
}

fn query(conn: &mut DbConnection, keys: &[&str]) -> Result<HashMap<String, Arc<FoundSession>>, Error> {
    macro_rules! rows {
        ($conn:expr, $has_key:expr) => {
            sessions::table
                .inner_join(users::table)
                .filter($has_key)
                .filter(not_ended())
                .filter(users::active)
                .select((
                    sessions::store_key.assume_not_null(),
                    (
                        sessions::id,
                        sessions::user_id,
                        sessions::created_at,
                        sessions::last_seen_at,
                        sessions::expires_at,
                        sessions::absolute_expires_at,
                        sessions::remembered,
                        sessions::state,
                        users::name,
                        users::email,
                        users::role,
                        users::created_at,
                        users::last_login_at,
                        users::session_epoch,
                    ),
                ))
                .load::<(String, FoundSession)>($conn)
        };
    }
    let rows = match conn {
        // One statement whatever the number of keys. With `eq_any` Diesel would write it anew each time.
        #[expect(
            deprecated,
            reason = "the successor writes one parameter per key, so each number of keys would be planned anew"
        )]
        DbConnection::Postgres(pg) => rows!(pg, sessions::store_key.eq(any(keys)))?,
        DbConnection::Sqlite(sqlite) => rows!(sqlite, sessions::store_key.eq_any(keys))?,
    };
    Ok(rows.into_iter().map(|(key, found)| (key, Arc::new(found))).collect())
}
