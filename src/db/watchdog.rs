//! The watchdog: notices that the database hangs, makes requests fail at once meanwhile, and notices that it answers again.
//!
//! libpq waits without limit for the answer of a frozen server or over a broken network. The threads that wait in that way
//! are abandoned with their connections; all other requests fail at once until a new connection answers.

use std::{
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use diesel::RunQueryDsl as _;

use super::{
    connection::DbConnection,
    own_session::MarkedConnection,
    pool::{Db, Health, Shared, build_pool},
};

/// Time between the starts of two probes while the database hangs.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// How long a new pool may take for its first connection, and how often it is looked whether it has one.
const LONGEST_FILLING: Duration = Duration::from_secs(10);
const FILLING_INTERVAL: Duration = Duration::from_millis(10);

/// Most probes of each way that run at the same time. Connecting times out after [`Connector::with_timeouts`]'s two seconds or so, hence a
/// new probe can start at every interval.
const MAX_PROBES: usize = 10;

impl Db {
    /// Whether the database is known to hang.
    pub fn hangs(&self) -> bool {
        *self.shared.health.borrow() == Health::Hanging
    }

    /// How often the pool, with all its connections, has been replaced, or is because another primary has taken over. Work that hangs
    /// since an earlier generation does not show that the database hangs now.
    pub fn pool_generation(&self) -> u64 {
        self.shared.pool_generation.load(Ordering::Acquire) + self.shared.connector.takeovers()
    }

    /// Reports that work takes too long: the watchdog checks whether the database still answers. With `replace_pool`,
    /// connections are known to hang and all are replaced as soon as the database answers.
    pub fn report_slow(&self, replace_pool: bool) {
        self.shared.replace_pool.fetch_or(replace_pool, Ordering::AcqRel);
        let was_ok = self.shared.health.send_if_modified(|health| {
            let was_ok = *health == Health::Ok;
            if was_ok {
                *health = Health::Suspected;
            }
            was_ok
        });
        if was_ok {
            let shared = Arc::downgrade(&self.shared);
            let thread = std::thread::Builder::new().name("database-watch".into());
            if let Err(error) = thread.spawn(move || watch(&shared)) {
                tracing::error!(%error, "no thread to watch the database with");
                self.shared.health.send_replace(Health::Ok);
            }
        }
    }
}

/// Starts probes until one gets an answer or the last [`Db`] is dropped, and sets the health accordingly.
fn watch(shared: &Weak<Shared>) {
    let (answer_sender, answers) = channel();
    let running: [Arc<AtomicUsize>; 2] = Default::default();
    let mut hanging = false;
    let mut interval = match shared.upgrade() {
        Some(shared) => shared.timeout / 2,
        None => return,
    };
    let conn = loop {
        let Some(strong) = shared.upgrade() else { return };
        for (way, running) in [Way::NewConnection, Way::Pool].into_iter().zip(&running) {
            if running.load(Ordering::Acquire) < MAX_PROBES {
                start_probe(&strong, way, &answer_sender, running);
            }
        }
        drop(strong);
        match answers.recv_timeout(interval) {
            Ok(conn) => break conn,
            Err(RecvTimeoutError::Timeout) if !hanging => {
                hanging = true;
                interval = PROBE_INTERVAL;
                tracing::error!("the database does not answer, trying again until it does");
                if let Some(shared) = shared.upgrade() {
                    shared.health.send_replace(Health::Hanging);
                }
            }
            Err(_) => {}
        }
    };
    let Some(shared) = shared.upgrade() else { return };
    if shared.replace_pool.swap(false, Ordering::AcqRel) || hanging {
        shared.replace_pool(conn);
    }
    if hanging {
        tracing::info!("the database answers again");
    }
    shared.health.send_replace(Health::Ok);
}

/// The connection over which a probe was answered, unless it is the pool's.
type Answer = Option<MarkedConnection>;

/// How a probe comes to its connection.
#[derive(Clone, Copy)]
enum Way {
    /// By a new one.
    NewConnection,
    /// By one of the pool's: a database that gives no more connections may answer over those that it gave.
    Pool,
}

/// Starts a probe on a thread of its own, which hangs with the connection if the database does not answer.
fn start_probe(shared: &Arc<Shared>, way: Way, answer_sender: &Sender<Answer>, running: &Arc<AtomicUsize>) {
    let (connector, timeout) = (shared.connector.clone(), shared.timeout);
    let pool = shared.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
    let (answer_sender, counter) = (answer_sender.clone(), Arc::clone(running));
    running.fetch_add(1, Ordering::AcqRel);
    let thread = std::thread::Builder::new().name("database-probe".into());
    let spawned = thread.spawn(move || {
        let answer: Option<Answer> = match way {
            Way::NewConnection => {
                let mut conn = connector.connect_again().ok();
                conn.as_mut().is_some_and(|conn| answers(conn, timeout)).then_some(conn)
            }
            Way::Pool if connector.shares_sessions() => None,
            Way::Pool => pool.get().is_ok_and(|mut conn| answers(&mut conn, timeout)).then_some(None),
        };
        if let Some(answer) = answer {
            // Sending fails when another probe was answered first and the watchdog has ended.
            let _ = answer_sender.send(answer);
        }
        counter.fetch_sub(1, Ordering::AcqRel);
    });
    if spawned.is_err() {
        running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether the connection answers a query within the timeout.
fn answers(conn: &mut DbConnection, timeout: Duration) -> bool {
    let start = Instant::now();
    diesel::sql_query("SELECT 1").execute(conn).is_ok() && start.elapsed() <= timeout
}

impl Shared {
    /// Starts a new pool, and waits until it has a connection; the other one is for the lookup. Where connecting takes longer than requests
    /// wait, as it does while the first of several hosts hangs, all of them would fail and the pool would be replaced again and again.
    /// Connections of the old pool that are in use close when the work on them ends.
    fn replace_pool(&self, spare: Option<MarkedConnection>) {
        let new = build_pool(&self.connector, self.timeout);
        let old = std::mem::replace(&mut *self.pool.write().unwrap_or_else(PoisonError::into_inner), new);
        self.keep_spare(spare);
        self.pool_generation.fetch_add(1, Ordering::AcqRel);
        drop(old);
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
        let start = Instant::now();
        while pool.state().connections == 0 {
            if start.elapsed() > LONGEST_FILLING {
                // The database may give no more connections.
                return self.keep_spare(None);
            }
            std::thread::sleep(FILLING_INTERVAL);
        }
    }
}
