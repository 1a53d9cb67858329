//! A database that hangs: noticed, no longer waited for, and found again by itself.
//!
//! libpq waits without limit for an answer that a frozen server or a broken network owes. The threads that wait so
//! are left behind with their connections; everybody else is told at once until a fresh connection answers.

use std::{
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use diesel::RunQueryDsl as _;
use r2d2::ManageConnection as _;

use super::{
    connect::Connect,
    pool::{Db, Health, Shared, pool},
};

/// Between two tries to get an answer over a fresh connection.
const PAUSE: Duration = Duration::from_millis(250);

/// Tries that may wait at the same time. Connecting gives up after [`Connect::with_timeouts`]'s two seconds or so, hence a new
/// one can start at every pause.
const TRIES: usize = 10;

impl Db {
    /// Whether the database is known to hang.
    pub fn hangs(&self) -> bool {
        *self.shared.health.borrow() == Health::Hangs
    }

    /// How often all connections have been replaced: what hangs since before is alone in that.
    pub fn pool_generation(&self) -> u64 {
        self.shared.pool_generation.load(Ordering::Acquire)
    }

    /// Something takes too long: tries whether the database still answers. With `renew`, connections are known to
    /// hang and all are replaced as soon as it does.
    pub fn report_slow(&self, renew: bool) {
        self.shared.renew.fetch_or(renew, Ordering::AcqRel);
        let begins = self.shared.health.send_if_modified(|health| {
            let begins = *health == Health::Fine;
            if begins {
                *health = Health::Doubted;
            }
            begins
        });
        if begins {
            let shared = Arc::downgrade(&self.shared);
            let watch = std::thread::Builder::new().name("database-watch".into());
            if let Err(error) = watch.spawn(move || revive(&shared)) {
                tracing::error!(%error, "no thread to watch the database with");
                self.shared.health.send_replace(Health::Fine);
            }
        }
    }
}

/// Tries fresh connections until one answers, for as long as anybody has use for the database.
fn revive(shared: &Weak<Shared>) {
    let (answered, answer) = channel();
    let under_way = Arc::new(AtomicUsize::new(0));
    let mut hangs = false;
    let mut pause = match shared.upgrade() {
        Some(shared) => shared.timeout / 2,
        None => return,
    };
    loop {
        let Some(db) = shared.upgrade() else { return };
        if under_way.load(Ordering::Acquire) < TRIES {
            try_once(&db, &answered, &under_way);
        }
        drop(db);
        match answer.recv_timeout(pause) {
            Ok(()) => break,
            Err(RecvTimeoutError::Timeout) if !hangs => {
                hangs = true;
                pause = PAUSE;
                tracing::error!("the database does not answer, trying again until it does");
                if let Some(shared) = shared.upgrade() {
                    shared.health.send_replace(Health::Hangs);
                }
            }
            Err(_) => {}
        }
    }
    let Some(shared) = shared.upgrade() else { return };
    if shared.renew.swap(false, Ordering::AcqRel) || hangs {
        shared.renew_pool();
    }
    if hangs {
        tracing::info!("the database answers again");
    }
    shared.health.send_replace(Health::Fine);
}

/// Asks over a fresh connection, on a thread that may be lost with it.
fn try_once(shared: &Arc<Shared>, answered: &Sender<()>, under_way: &Arc<AtomicUsize>) {
    let (connect, timeout) = (shared.connect.clone(), shared.timeout);
    let (answered, counter) = (answered.clone(), Arc::clone(under_way));
    under_way.fetch_add(1, Ordering::AcqRel);
    let attempt = std::thread::Builder::new().name("database-probe".into());
    let spawned = attempt.spawn(move || {
        if answers(&connect, timeout) {
            // More than one may have been under way.
            let _ = answered.send(());
        }
        counter.fetch_sub(1, Ordering::AcqRel);
    });
    if spawned.is_err() {
        under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether a fresh connection can be made and answers in time.
fn answers(connect: &Connect, timeout: Duration) -> bool {
    let Ok(mut conn) = connect.connect() else { return false };
    let start = Instant::now();
    diesel::sql_query("SELECT 1").execute(&mut conn).is_ok() && start.elapsed() <= timeout
}

impl Shared {
    /// Starts a new pool and leaves the connections of the old one to those who wait on them.
    fn renew_pool(&self) {
        let new = pool(&self.connect, self.timeout);
        let old = std::mem::replace(&mut *self.pool.write().unwrap_or_else(PoisonError::into_inner), new);
        self.pool_generation.fetch_add(1, Ordering::AcqRel);
        drop(old);
    }
}
