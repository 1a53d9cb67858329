//! The queue of requests for links that have been answered and not been worked on.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{error::Error, security::Client};

/// How long after the answer a link is made: not while whoever asked can measure that something is done.
const DELAY: Duration = Duration::from_secs(1);

/// Most requests that wait.
const MOST_WAITING: usize = 1_000;

/// Somebody has asked for a link.
pub(super) struct LinkRequest {
    /// The user who has the address, if one does.
    pub user: Option<i64>,
    /// From where.
    pub client: Client,
    due: Instant,
}

impl LinkRequest {
    /// A request that is answered now.
    pub(super) fn new(user: Option<i64>, client: Client) -> Self {
        Self { user, client, due: Instant::now() + DELAY }
    }
}

/// The queue. Requests of addresses without an account wait in it too.
pub(super) struct LinkRequests {
    sender: mpsc::Sender<LinkRequest>,
    /// Until the worker takes it.
    receiver: Mutex<Option<mpsc::Receiver<LinkRequest>>>,
    stopping: watch::Sender<bool>,
}

impl LinkRequests {
    /// An empty queue.
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Self { sender, receiver: Mutex::new(Some(receiver)), stopping: watch::Sender::new(false) }
    }

    /// A place in the queue.
    ///
    /// # Errors
    /// [`Error::Busy`] when there is none.
    pub(super) fn place(&self) -> Result<mpsc::Permit<'_, LinkRequest>, Error> {
        self.sender.try_reserve().map_err(|_| Error::Busy)
    }

    /// The requests, for the one worker.
    pub(super) fn take_waiting(&self) -> Option<mpsc::Receiver<LinkRequest>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The next request, once it is due; after [`LinkRequests::stop`] at once, and `None` when no more wait.
    pub(super) async fn next(&self, requests: &mut mpsc::Receiver<LinkRequest>) -> Option<LinkRequest> {
        let mut stopping = self.stopping.subscribe();
        let request = tokio::select! {
            biased;
            request = requests.recv() => request?,
            _ = stopping.wait_for(|stopping| *stopping) => return None,
        };
        tokio::select! {
            () = sleep_until(request.due) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        Some(request)
    }

    /// Lets the worker end.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }
}
