//! Passwords are judged, hashed and checked on threads of their own (OWASP Password Storage Cheat Sheet).
//!
//! Each thread keeps its 19 MiB of memory from one hash to the next, and gives it back when there is no work. The queue is bounded
//! in length and time: however many sign-ins come at once, they need no more memory and do not slow down other pages, and clients
//! wait for their own jobs, not for those of others.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use tokio::{sync::oneshot, time::timeout};

use super::{
    hasher::{Hasher, NO_PASSWORD, Verdict},
    metrics::PasswordMetrics,
    policy::Policy,
    queue::{Job, Lane, Next, Queue},
};
use crate::{
    error::Error,
    security::Client,
    telemetry::metrics::{GaugeAtScrape, observe_since},
    text::opaque_string,
};

/// Longest wait for a thread.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How long a thread keeps its memory without work: 19 MiB each.
const KEEP_MEMORY: Duration = Duration::from_secs(5);

/// The `nice` value of the hashing threads.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A handle of the hashing threads; cheap to clone. The threads end with the last one.
#[derive(Clone)]
pub struct Passwords {
    threads: Arc<Threads>,
    pub(super) metrics: Arc<PasswordMetrics>,
}

struct Threads {
    queue: Arc<Queue>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Passwords {
    /// Starts one thread per core (at most four).
    ///
    /// # Errors
    /// [`Error::Internal`] when a thread can't be started.
    pub fn start() -> Result<Self, Error> {
        let threads = Threads { queue: Queue::new() };
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        for number in 0..count {
            let queue = Arc::clone(&threads.queue);
            std::thread::Builder::new()
                .name(format!("argon2-{number}"))
                .spawn(move || run_jobs(&queue))
                .map_err(Error::internal)?;
        }
        Ok(Self { threads: Arc::new(threads), metrics: Arc::default() })
    }

    /// Judges a password that somebody chose and hashes it into a PHC string, in the form in which passwords are compared
    /// ([`opaque_string`]). `about`: the user's name and address, which have been checked.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] with the reason; [`Error::Busy`] when too many passwords wait.
    pub async fn hash_new(
        &self,
        password: String,
        policy: Policy,
        about: Vec<String>,
        from: Option<&Client>,
    ) -> Result<String, Error> {
        if let Some(flaw) = policy.length_flaw(&password) {
            return Err(Error::WeakPassword(flaw));
        }
        self.submit(Lane::New, from, move |hasher| match policy.weakness(&password, &about)? {
            Some(reason) => Err(Error::WeakPassword(reason)),
            None => hasher.hash(&opaque_string(&password)),
        })
        .await
    }

    /// Hashes a password that this program made.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many passwords wait.
    pub async fn hash_generated(&self, password: String) -> Result<String, Error> {
        self.submit(Lane::New, None, move |hasher| hasher.hash(&password)).await
    }

    /// Checks a password; without a hash (unknown address) the check takes the same time and the password is wrong. A hash that was
    /// made of the password as typed, as earlier versions did, fits too and is replaced.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many passwords wait.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
        from: Option<&Client>,
    ) -> Result<Verdict, Error> {
        self.submit(Lane::Check, from, move |hasher| match hash {
            Some(hash) => hasher.verify_either(&password, &hash),
            None => hasher.verify_either(&password, NO_PASSWORD).map(|_| Verdict::Wrong),
        })
        .await
    }

    /// Registers what is measured of the hashing threads.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
        let queue = Arc::clone(&self.threads.queue);
        let help = "Passwords that wait for a hashing thread";
        GaugeAtScrape::register(registry, "hash_queue_waiting", help, move || Some(queue.waiting() as f64));
    }

    async fn submit<T: Send + 'static>(
        &self,
        lane: Lane,
        from: Option<&Client>,
        work: impl FnOnce(&mut Hasher) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.submit_in_time(lane, from, work).await;
        if matches!(done, Err(Error::Busy)) {
            self.metrics.refused.inc();
        }
        done
    }

    /// Queues work for a hashing thread and waits for its result. Work that waits for longer than [`MAX_WAIT`], or whose request
    /// is gone, is taken back.
    async fn submit_in_time<T: Send + 'static>(
        &self,
        lane: Lane,
        from: Option<&Client>,
        work: impl FnOnce(&mut Hasher) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, mut reply) = oneshot::channel();
        let (metrics, asked) = (Arc::clone(&self.metrics), Instant::now());
        let job: Job = Box::new(move |hasher| {
            observe_since(&metrics.wait, asked);
            let began = Instant::now();
            // A thread outlives work that panics.
            let result = catch_unwind(AssertUnwindSafe(|| work(hasher)));
            observe_since(&metrics.work, began);
            let panicked = |_| Err(Error::bug("work on a password panicked"));
            drop(sender.send(result.unwrap_or_else(panicked)));
        });
        let ticket = self.threads.queue.push(lane, from.map(Client::network), job).ok_or(Error::Busy)?;
        let result = match timeout(MAX_WAIT, &mut reply).await {
            Ok(result) => result,
            Err(_) if ticket.withdraw() => return Err(Error::Busy),
            // A thread works on it.
            Err(_) => reply.await,
        };
        // A job that was dropped has made way for another client's.
        result.map_err(|_| Error::Busy)?
    }
}

/// The loop of a hashing thread; ends when the queue is closed.
fn run_jobs(queue: &Queue) {
    lower_priority();
    let mut hasher = Hasher::default();
    loop {
        match queue.next(hasher.has_memory().then_some(KEEP_MEMORY)) {
            Next::Job(job) => job(&mut hasher),
            Next::Idle => hasher.free_memory(),
            Next::Closed => return,
        }
    }
}

/// Lowers the priority of the calling thread: a page takes less CPU time than a hash, so pages go first. When the system
/// refuses, the thread keeps its priority.
fn lower_priority() {
    // On Linux this sets the priority of the calling thread only.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "hashing threads keep their priority");
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::mpsc};

    use super::*;

    fn client(ip: [u8; 4]) -> Client {
        Client { ip: IpAddr::from(ip), user_agent: String::new() }
    }

    /// Keeps every thread busy until the returned sender is dropped.
    async fn occupy(passwords: &Passwords) -> mpsc::SyncSender<()> {
        let (release, wait) = mpsc::sync_channel::<()>(0);
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        for _ in 0..threads {
            let (passwords, wait, started) = (passwords.clone(), wait.clone(), started.clone());
            actix_web::rt::spawn(async move {
                let work = move |_: &mut Hasher| {
                    started.send(()).unwrap();
                    let _ = wait.lock().unwrap().recv();
                    Ok(())
                };
                passwords.submit(Lane::Check, None, work).await.unwrap();
            });
            starts.recv().await.unwrap();
        }
        release
    }

    #[actix_web::test]
    async fn password_waits_one_second_at_most() {
        let passwords = Passwords::start().unwrap();
        let release = occupy(&passwords).await;
        let began = Instant::now();
        let refused = passwords.verify("violet".to_owned(), None, Some(&client([192, 0, 2, 1]))).await;
        assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
        assert!(began.elapsed() >= MAX_WAIT && began.elapsed() < 4 * MAX_WAIT, "{:?}", began.elapsed());
        drop(release);
        assert_eq!(passwords.verify("violet".to_owned(), None, None).await.unwrap(), Verdict::Wrong);
    }

    #[actix_web::test]
    async fn password_whose_request_is_gone_takes_no_place() {
        let passwords = Passwords::start().unwrap();
        let release = occupy(&passwords).await;
        let network = client([192, 0, 2, 1]);
        for _ in 0..1_000 {
            let check = passwords.verify("violet".to_owned(), None, Some(&network));
            assert!(timeout(Duration::ZERO, check).await.is_err(), "refused, or answered by nobody");
        }
        drop(release);
        assert_eq!(
            passwords.verify("violet".to_owned(), None, Some(&network)).await.unwrap(),
            Verdict::Wrong
        );
    }

    #[actix_web::test]
    async fn password_work_that_panics_ends_no_thread() {
        let passwords = Passwords::start().unwrap();
        for _ in 0..8 {
            let panics = passwords.submit(Lane::New, None, |_| -> Result<(), Error> { panic!("a flaw") });
            assert!(matches!(panics.await, Err(Error::Internal(_))));
        }
        assert_eq!(passwords.verify("violet".to_owned(), None, None).await.unwrap(), Verdict::Wrong);
    }
}
