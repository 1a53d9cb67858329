//! Looks up the session and user of a session key: every request of a signed-in user needs this.
//!
//! One thread answers all waiting lookups with one query, as a data loader does: under load the requests share the cost of
//! the query, a single request does not wait for others, and no request pays for a switch to the blocking pool.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use diesel::r2d2::R2D2Connection as _;
use tokio::sync::oneshot;

use super::{
    found_session::{FoundSession, FoundSessions, LookupKey, query},
    metrics::SessionMetrics,
};
use crate::{
    db::{Db, ReservedConnection},
    error::Error,
};

/// Lookups that one query answers at most.
const BATCH: usize = 256;

/// How long the plans of the thread's queries are kept.
const PLANS_LAST: Duration = Duration::from_secs(5);

/// One lookup that waits for its reply.
struct LookupRequest {
    key: LookupKey,
    reply: oneshot::Sender<Result<Option<Arc<FoundSession>>, Error>>,
}

/// The lookup thread; cheap to clone.
#[derive(Clone)]
pub(super) struct Lookup {
    requests: Sender<LookupRequest>,
    worker: Arc<LookupWorker>,
}

/// What the lookup threads share. One thread works at a time. When its database connection hangs, lookups fail at once until
/// the database answers again; then a new thread replaces it.
struct LookupWorker {
    db: Db,
    timeout: Duration,
    queue: Mutex<Receiver<LookupRequest>>,
    slot: Mutex<WorkerSlot>,
    metrics: Arc<SessionMetrics>,
}

/// Which thread works, and on what.
#[derive(Default)]
struct WorkerSlot {
    /// The number of the current thread. A replaced thread finds another number here and stops.
    thread: u64,
    /// The query that the thread waits for.
    in_flight: Option<InFlight>,
}

/// A query that the database has not answered yet.
#[derive(Clone, Copy)]
struct InFlight {
    since: Instant,
    /// [`Db::pool_generation`] when the query began.
    pool_generation: u64,
}

impl Lookup {
    /// Starts the thread. `timeout` is the longest wait for a reply.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub(super) fn start(db: Db, timeout: Duration, metrics: Arc<SessionMetrics>) -> Result<Self, Error> {
        let (requests, queue) = channel();
        let (queue, slot) = (Mutex::new(queue), Mutex::default());
        let worker = Arc::new(LookupWorker { db, timeout, queue, slot, metrics });
        LookupWorker::start_thread(&worker, 0)?;
        Ok(Self { requests, worker })
    }

    /// The session with that store key, unless it has ended or its user is deactivated.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer in time.
    pub(super) async fn find(&self, store_key: String) -> Result<Option<Arc<FoundSession>>, Error> {
        self.ask(LookupKey::Store(store_key)).await
    }

    /// The same for the session for which a site has a cookie with the secret of this hash.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer in time.
    pub(super) async fn find_by_site_cookie(&self, hash: String) -> Result<Option<Arc<FoundSession>>, Error> {
        self.ask(LookupKey::SiteCookie(hash)).await
    }

    async fn ask(&self, key: LookupKey) -> Result<Option<Arc<FoundSession>>, Error> {
        self.worker.check()?;
        let (reply, receiver) = oneshot::channel();
        let asked = Instant::now();
        self.requests
            .send(LookupRequest { key, reply })
            .map_err(|_| Error::bug("the lookup thread is gone"))?;
        match tokio::time::timeout(self.worker.timeout, receiver).await {
            Ok(Ok(result)) => {
                // The thread has waited for a connection for as long as for the reply, and said so first.
                if matches!(result, Err(Error::Unavailable(_))) && asked.elapsed() > self.worker.timeout / 2 {
                    self.worker.db.report_slow(true);
                }
                result
            }
            Ok(Err(_)) => Err(Error::unavailable("the lookup was given up")),
            Err(elapsed) => {
                if self.worker.in_flight_longer_than(self.worker.timeout / 2).is_some() {
                    self.worker.db.report_slow(true);
                }
                Err(Error::unavailable(elapsed))
            }
        }
    }
}

/// The connection of the thread, with [`Db::pool_generation`] when it was made.
struct LookupConnection {
    conn: ReservedConnection,
    pool_generation: u64,
    planned_at: Instant,
}

impl LookupConnection {
    fn query(&mut self, keys: &[&LookupKey]) -> Result<FoundSessions, Error> {
        if self.planned_at.elapsed() > PLANS_LAST {
            self.conn.forget_plans()?;
            self.planned_at = Instant::now();
        }
        query(&mut self.conn, keys)
    }
}

impl LookupWorker {
    fn start_thread(worker: &Arc<Self>, number: u64) -> Result<(), Error> {
        let own = Arc::clone(worker);
        let thread = std::thread::Builder::new().name("session-lookup".into());
        thread.spawn(move || own.run(number)).map(drop).map_err(Error::internal)
    }

    /// Answers requests until another thread takes over or all senders are dropped.
    fn run(&self, thread: u64) {
        let mut connection = None;
        while let Some(batch) = self.next_batch(thread) {
            let in_flight = InFlight { since: Instant::now(), pool_generation: self.db.pool_generation() };
            self.slot().in_flight = Some(in_flight);
            let keys: Vec<&LookupKey> = batch.iter().map(|request| &request.key).collect();
            let found = query_with_reconnect(&self.db, &mut connection, &keys);
            self.metrics.record_lookup(batch.len(), in_flight.since);
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

    /// All waiting requests up to [`BATCH`]; waits for at least one.
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

    fn in_flight_longer_than(&self, time: Duration) -> Option<InFlight> {
        self.slot().in_flight.filter(|in_flight| in_flight.since.elapsed() > time)
    }

    /// Fails at once when the database is known to hang. Replaces a thread that still waits on a connection from before the
    /// pool was renewed.
    fn check(self: &Arc<Self>) -> Result<(), Error> {
        let stuck = self.in_flight_longer_than(self.timeout);
        if self.db.hangs() {
            return Err(Error::unavailable("the database does not answer"));
        }
        let Some(stuck) = stuck else {
            return Ok(());
        };
        if stuck.pool_generation == self.db.pool_generation() {
            self.db.report_slow(true);
            return Err(Error::unavailable("the database does not answer"));
        }
        let mut slot = self.slot();
        // Another request may have replaced the thread already.
        if slot.in_flight.is_some_and(|in_flight| in_flight.since == stuck.since) {
            Self::start_thread(self, slot.thread + 1)?;
            slot.thread += 1;
            slot.in_flight = None;
        }
        Ok(())
    }
}

fn reply(batch: Vec<LookupRequest>, found: Result<FoundSessions, Error>) {
    let found = found.map_err(|error| error.causes());
    for request in batch {
        let result = match &found {
            Ok(found) => Ok(found.get(&request.key).map(Arc::clone)),
            Err(causes) => Err(Error::unavailable(causes.clone())),
        };
        // An error only says that the caller no longer waits.
        drop(request.reply.send(result));
    }
}

/// Queries over the kept connection. A broken connection is replaced once, and so is one from before the pool was replaced: it may
/// lead to a server that has become a standby.
fn query_with_reconnect(
    db: &Db,
    connection: &mut Option<LookupConnection>,
    keys: &[&LookupKey],
) -> Result<FoundSessions, Error> {
    let pool_generation = db.pool_generation();
    if let Some(kept) = connection.as_mut().filter(|kept| kept.pool_generation == pool_generation) {
        let found = kept.query(keys);
        if found.is_ok() || kept.conn.ping().is_ok() {
            return found;
        }
    }
    *connection = None;
    let conn = db.reserved_connection()?;
    let mut made = LookupConnection { conn, pool_generation, planned_at: Instant::now() };
    let found = made.query(keys)?;
    *connection = Some(made);
    Ok(found)
}
