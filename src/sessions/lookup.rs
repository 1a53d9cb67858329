//! Who a session key belongs to, asked by every request of a signed-in person.
//!
//! One thread takes all lookups that wait at the moment and answers them with one query, as a data loader
//! does: under load the cost is shared, alone nobody waits, and no request pays a hop to the blocking pool.

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

/// Most lookups that one query answers.
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
    questions: Sender<LookupRequest>,
    desk: Arc<LookupWorker>,
}

/// Where the threads work. There is one at a time; when its database connection hangs, another takes its place as
/// soon as the database answers again, and until then nobody waits.
struct LookupWorker {
    db: Db,
    timeout: Duration,
    queue: Mutex<Receiver<LookupRequest>>,
    turn: Mutex<WorkerSlot>,
}

/// Whose turn it is.
#[derive(Default)]
struct WorkerSlot {
    /// Counts the threads; an earlier one that comes back has nothing to say any more.
    thread: u64,
    asking: Option<InFlight>,
}

/// The thread waits for the database.
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
        let (questions, queue) = channel();
        let desk = Arc::new(LookupWorker { db, timeout, queue: Mutex::new(queue), turn: Mutex::default() });
        LookupWorker::start_thread(&desk, 0)?;
        Ok(Self { questions, desk })
    }

    /// The session with that store key, unless it has ended or its user may not sign in any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer in time.
    pub(super) async fn find(&self, store_key: String) -> Result<Option<Arc<FoundSession>>, Error> {
        self.desk.check()?;
        let (reply, answer) = oneshot::channel();
        self.questions
            .send(LookupRequest { store_key, reply })
            .map_err(|_| Error::bug("the lookup thread is gone"))?;
        match tokio::time::timeout(self.desk.timeout, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::unavailable("the lookup was given up")),
            Err(elapsed) => {
                if self.desk.asks_longer_than(self.desk.timeout / 2).is_some() {
                    self.desk.db.report_slow(true);
                }
                Err(Error::unavailable(elapsed))
            }
        }
    }
}

impl LookupWorker {
    fn start_thread(desk: &Arc<Self>, number: u64) -> Result<(), Error> {
        let own = Arc::clone(desk);
        let thread = std::thread::Builder::new().name("session-lookup".into());
        thread.spawn(move || own.answer_all(number)).map(drop).map_err(Error::internal)
    }

    /// Answers until another thread takes over or nobody can ask any more.
    fn answer_all(&self, thread: u64) {
        let mut connection = None;
        while let Some(batch) = self.next_batch(thread) {
            let asking = InFlight { since: Instant::now(), pool_generation: self.db.pool_generation() };
            self.turn().asking = Some(asking);
            let keys: Vec<&str> = batch.iter().map(|question| question.store_key.as_str()).collect();
            let found = ask(&self.db, &mut connection, &keys);
            {
                let mut turn = self.turn();
                if turn.thread != thread {
                    return;
                }
                turn.asking = None;
            }
            reply(batch, found);
        }
    }

    /// Everything that waits, at least one question.
    fn next_batch(&self, thread: u64) -> Option<Vec<LookupRequest>> {
        loop {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if self.turn().thread != thread {
                return None;
            }
            let mut batch = vec![queue.recv().ok()?];
            batch.extend(queue.try_iter().take(BATCH - 1));
            batch.retain(|question| !question.reply.is_closed());
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }

    fn turn(&self) -> MutexGuard<'_, WorkerSlot> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asks_longer_than(&self, time: Duration) -> Option<InFlight> {
        self.turn().asking.filter(|asking| asking.since.elapsed() > time)
    }

    /// Whether a question has a chance. A thread that hung before all connections were replaced is replaced too.
    fn check(self: &Arc<Self>) -> Result<(), Error> {
        let stuck = self.asks_longer_than(self.timeout);
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
        let mut turn = self.turn();
        // Somebody else may have been quicker.
        if turn.asking.is_some_and(|asking| asking.since == stuck.since) {
            Self::start_thread(self, turn.thread + 1)?;
            turn.thread += 1;
            turn.asking = None;
        }
        Ok(())
    }
}

fn reply(batch: Vec<LookupRequest>, found: Result<HashMap<String, Arc<FoundSession>>, Error>) {
    let found = found.map_err(|error| error.causes());
    for question in batch {
        let answer = match &found {
            Ok(found) => Ok(found.get(&question.store_key).map(Arc::clone)),
            Err(causes) => Err(Error::unavailable(causes.clone())),
        };
        // Whoever asked may have given up.
        drop(question.reply.send(answer));
    }
}

/// Asks over the kept connection; one that broke is replaced once.
fn ask(
    db: &Db,
    kept: &mut Option<DbConnection>,
    keys: &[&str],
) -> Result<HashMap<String, Arc<FoundSession>>, Error> {
    if let Some(conn) = kept {
        let found = query(conn, keys);
        if found.is_ok() || conn.ping().is_ok() {
            return found;
        }
    }
    *kept = None;
    let mut conn = db.unpooled_connection()?;
    let found = query(&mut conn, keys)?;
    *kept = Some(conn);
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
