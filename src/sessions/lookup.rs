//! Who a session key belongs to, asked by every request of a signed-in person.
//!
//! One thread takes all lookups that wait at the moment and answers them with one query, as a data loader
//! does: under load the cost is shared, alone nobody waits, and no request pays a hop to the blocking pool.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use diesel::prelude::*;
use time::PrimitiveDateTime;
use tokio::sync::oneshot;

use crate::{
    db::{
        Connect, Db, DbConnection,
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
    patience: Duration,
}

impl Lookup {
    /// Starts the thread. `patience` is the longest wait for an answer.
    ///
    /// # Errors
    /// When the thread can't be made.
    pub fn start(db: Db, patience: Duration) -> Result<Self, Error> {
        let (questions, queue) = channel();
        std::thread::Builder::new()
            .name("session-lookup".into())
            .spawn(move || answer_all(&db, &queue))
            .map_err(Error::internal)?;
        Ok(Self { questions, patience })
    }

    /// The session with that store key, unless it has ended or its user may not sign in any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer in time.
    pub async fn find(&self, store_key: String) -> Result<Option<Arc<Found>>, Error> {
        let (reply, answer) = oneshot::channel();
        self.questions
            .send(Question { store_key, reply })
            .map_err(|_| Error::bug("the lookup thread is gone"))?;
        match tokio::time::timeout(self.patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::bug("the lookup thread is gone")),
            Err(elapsed) => Err(Error::unavailable(elapsed)),
        }
    }
}

fn answer_all(db: &Db, queue: &Receiver<Question>) {
    let mut kept: Option<r2d2::PooledConnection<Connect>> = None;
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(BATCH - 1));
        batch.retain(|question| !question.reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        let keys: Vec<&str> = batch.iter().map(|question| question.store_key.as_str()).collect();
        match ask(db, &mut kept, &keys) {
            Ok(found) => {
                for question in batch {
                    let answer = found.get(&question.store_key).map(Arc::clone);
                    drop(question.reply.send(Ok(answer)));
                }
            }
            Err(error) => {
                let causes = error.causes();
                for question in batch {
                    drop(question.reply.send(Err(Error::unavailable(causes.clone()))));
                }
            }
        }
    }
}

/// Asks over the kept connection; one that broke is replaced once.
fn ask(
    db: &Db,
    kept: &mut Option<r2d2::PooledConnection<Connect>>,
    keys: &[&str],
) -> Result<HashMap<String, Arc<Found>>, Error> {
    if let Some(conn) = kept
        && let Ok(found) = query(conn, keys)
    {
        return Ok(found);
    }
    *kept = None;
    let mut conn = db.connection()?;
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
