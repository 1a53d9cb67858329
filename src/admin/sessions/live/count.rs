//! The count of active sessions for one stream.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::sessions::Sessions;

/// After a count that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// The count of active sessions for one stream.
pub(super) struct CountTask {
    sessions: Arc<Sessions>,
    /// A count of this time or later is wanted.
    wanted: Option<Instant>,
    running: Option<Running>,
    last: Option<i64>,
}

type Running = Pin<Box<dyn Future<Output = i64>>>;

impl CountTask {
    /// Counts at once.
    pub(super) fn start(sessions: Arc<Sessions>) -> Self {
        Self { sessions, wanted: Some(Instant::now()), running: None, last: None }
    }

    /// Counts again, after the count that is under way.
    pub(super) fn again(&mut self) {
        self.wanted = Some(Instant::now());
    }

    /// The next count that differs from the last; waits for it, however often it is asked anew.
    pub(super) async fn changed(&mut self) -> i64 {
        loop {
            let Some(running) = &mut self.running else {
                let Some(since) = self.wanted.take() else { std::future::pending().await };
                let sessions = Arc::clone(&self.sessions);
                self.running = Some(Box::pin(count(sessions, since)));
                continue;
            };
            let active = running.await;
            self.running = None;
            if self.last.replace(active) != Some(active) {
                return active;
            }
        }
    }
}

/// Tries until it succeeds.
async fn count(sessions: Arc<Sessions>, since: Instant) -> i64 {
    loop {
        match sessions.active(since).await {
            Ok(active) => return active,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
