//! The task that counts active sessions for one stream.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::sessions::Sessions;

/// Pause between a count that failed and the next attempt.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The count of active sessions for one stream.
pub(super) struct CountTask {
    sessions: Arc<Sessions>,
    /// The next count must be of this time or later; `None`: no count is due.
    due: Option<Instant>,
    running: Option<Running>,
    /// The count that was returned last.
    last: Option<i64>,
}

type Running = Pin<Box<dyn Future<Output = i64>>>;

impl CountTask {
    /// A task whose first count is due at once.
    pub(super) fn start(sessions: Arc<Sessions>) -> Self {
        Self { sessions, due: Some(Instant::now()), running: None, last: None }
    }

    /// Makes another count due, after the one that is running.
    pub(super) fn request(&mut self) {
        self.due = Some(Instant::now());
    }

    /// Waits for the next count that differs from the last. Cancel safe: a running count goes on with the next call.
    pub(super) async fn changed(&mut self) -> i64 {
        loop {
            let Some(running) = &mut self.running else {
                let Some(since) = self.due.take() else { std::future::pending().await };
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

/// The number of active sessions at `since` or later; retries until it can be read.
async fn count(sessions: Arc<Sessions>, since: Instant) -> i64 {
    loop {
        match sessions.active(since).await {
            Ok(active) => return active,
            Err(_) => tokio::time::sleep(RETRY_DELAY).await,
        }
    }
}
