//! Who a session key belongs to, asked by every request of a signed-in person.
//!
//! One thread takes all lookups that wait at the moment and answers them with one query, as a data loader
//! does: under load the cost is shared, alone nobody waits, and no request pays a hop to the blocking pool.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use diesel::prelude::*;
use time::PrimitiveDateTime;
use tokio::sync::oneshot;

use crate::{
    db::{
        Db, DbConnection,
        schema::{sessions, users},
    },
    error::Error,
};

/// Most lookups that one query answers.
const BATCH: usize = 256;

/// A session and its user, as the catalogue has them.
#[derive(Debug, Clone, Queryable)]
pub struct Found {
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
    pub role: String,
    pub user_created_at: PrimitiveDateTime,
    pub last_login_at: Option<PrimitiveDateTime>,
}

struct Question {
    store_key: String,
    reply: oneshot::Sender<Result<Option<Arc<Found>>, Error>>,
}

/// The lookup thread; cheap to clone.
#[derive(Clone)]
pub struct Lookup {
    questions: Sender<Question>,
    desk: Arc<Desk>,
}

/// Where the threads work. There is one at a time; when its database connection hangs, another with a fresh
/// connection takes its place, and until then nobody waits.
struct Desk {
    db: Db,
    patience: Duration,
    queue: Mutex<Receiver<Question>>,
    /// Which thread is the current one.
    generation: AtomicU64,
    /// Since when the current thread has been waiting for the database.
    asking_since: Mutex<Option<Instant>>,
    rescuing: AtomicBool,
    rescuers: AtomicUsize,
}

/// Rescuers that may wait for a hung database at the same time.
const RESCUERS: usize = 4;

const RESCUE_PAUSE: Duration = Duration::from_millis(300);

impl Lookup {
    /// Starts the thread. `patience` is the longest wait for an answer.
    ///
    /// # Errors
    /// When the thread can't be made.
    pub fn start(db: Db, patience: Duration) -> Result<Self, Error> {
        let (questions, queue) = channel();
        let desk = Arc::new(Desk {
            db,
            patience,
            queue: Mutex::new(queue),
            generation: AtomicU64::new(0),
            asking_since: Mutex::new(None),
            rescuing: AtomicBool::new(false),
            rescuers: AtomicUsize::new(0),
        });
        let first = Arc::clone(&desk);
        spawn(move || first.answer_all(0, None))?;
        Ok(Self { questions, desk })
    }

    /// The session with that store key, unless it has ended or its user may not sign in any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer in time.
    pub async fn find(&self, store_key: String) -> Result<Option<Arc<Found>>, Error> {
        if self.desk.is_stuck() {
            Desk::rescue(&self.desk);
            return Err(Error::unavailable("the database does not answer"));
        }
        let (reply, answer) = oneshot::channel();
        self.questions
            .send(Question { store_key, reply })
            .map_err(|_| Error::bug("the lookup thread is gone"))?;
        match tokio::time::timeout(self.desk.patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::unavailable("the lookup was given up")),
            Err(elapsed) => Err(Error::unavailable(elapsed)),
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name("session-lookup".into());
    thread.spawn(work).map(drop).map_err(Error::internal)
}

impl Desk {
    /// Answers until another thread takes over or nobody can ask any more.
    fn answer_all(&self, generation: u64, mut connection: Option<DbConnection>) {
        while let Some(batch) = self.next_batch(generation) {
            self.asking(Some(Instant::now()));
            let keys: Vec<&str> = batch.iter().map(|question| question.store_key.as_str()).collect();
            let found = ask(&self.db, &mut connection, &keys);
            if self.generation.load(Ordering::Acquire) != generation {
                return;
            }
            self.asking(None);
            reply(batch, found);
        }
    }

    /// Everything that waits, at least one question.
    fn next_batch(&self, generation: u64) -> Option<Vec<Question>> {
        loop {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if self.generation.load(Ordering::Acquire) != generation {
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

    fn asking(&self, since: Option<Instant>) {
        *self.asking_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn is_stuck(&self) -> bool {
        let since = *self.asking_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > self.patience)
    }

    /// Tries fresh connections until one answers or the hung one does.
    fn rescue(desk: &Arc<Self>) {
        if desk.rescuing.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::error!("the database does not answer, trying again until it does");
        let desk = Arc::clone(desk);
        let watch = move || {
            while desk.is_stuck() {
                if desk.rescuers.load(Ordering::Acquire) < RESCUERS {
                    desk.rescuers.fetch_add(1, Ordering::AcqRel);
                    let rescuer = Arc::clone(&desk);
                    if spawn(move || rescuer.take_over()).is_err() {
                        desk.rescuers.fetch_sub(1, Ordering::AcqRel);
                    }
                }
                std::thread::sleep(RESCUE_PAUSE);
            }
            tracing::info!("the database answers again");
            desk.rescuing.store(false, Ordering::Release);
        };
        if spawn(watch).is_err() {
            tracing::error!("no thread to watch the database with");
        }
    }

    /// Takes the place of a stuck thread once a fresh connection has answered.
    fn take_over(&self) {
        let generation = self.generation.load(Ordering::Acquire);
        let reached = self.db.own_connection().and_then(|mut conn| query(&mut conn, &[""]).map(|_| conn));
        self.rescuers.fetch_sub(1, Ordering::AcqRel);
        let Ok(connection) = reached else {
            return;
        };
        let next = generation + 1;
        let ours = self.is_stuck()
            && self
                .generation
                .compare_exchange(generation, next, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if ours {
            self.asking(None);
            self.db.renew();
            self.answer_all(next, Some(connection));
        }
    }
}

fn reply(batch: Vec<Question>, found: Result<HashMap<String, Arc<Found>>, Error>) {
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
) -> Result<HashMap<String, Arc<Found>>, Error> {
    if let Some(conn) = kept
        && let Ok(found) = query(conn, keys)
    {
        return Ok(found);
    }
    *kept = None;
    let mut conn = db.own_connection()?;
    let found = query(&mut conn, keys)?;
    *kept = Some(conn);
    Ok(found)
}

fn query(conn: &mut DbConnection, keys: &[&str]) -> Result<HashMap<String, Arc<Found>>, Error> {
    // Written for the concrete connections: only there `eq_any` becomes `= ANY($1)`, one statement that
    // Postgres prepares once whatever the number of keys.
    macro_rules! rows {
        ($conn:expr) => {
            sessions::table
                .inner_join(users::table)
                .filter(sessions::store_key.eq_any(keys))
                .filter(sessions::ended_at.is_null())
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
                    ),
                ))
                .load::<(String, Found)>($conn)
        };
    }
    let rows = match conn {
        DbConnection::Postgres(pg) => rows!(pg)?,
        DbConnection::Sqlite(sqlite) => rows!(sqlite)?,
    };
    Ok(rows.into_iter().map(|(key, found)| (key, Arc::new(found))).collect())
}
