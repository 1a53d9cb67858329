//! A barrier at which requests wait, so that a test decides what happens while they are in flight.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

/// Requests that reach the barrier wait at it. The test waits for their arrival and releases them one by one.
#[derive(Clone)]
pub struct Barrier {
    arrived: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Default for Barrier {
    fn default() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) }
    }
}

impl Barrier {
    /// Holds the calling request until the test releases it.
    pub(super) async fn hold(&self) {
        self.arrived.add_permits(1);
        self.released.acquire().await.unwrap().forget();
    }

    /// Waits until `count` more requests are held; panics after a minute.
    pub async fn wait_for(&self, count: u32) {
        let arrived = timeout(Duration::from_secs(60), self.arrived.acquire_many(count)).await;
        arrived.expect("the requests did not arrive at the barrier").unwrap().forget();
    }

    /// Lets `count` held requests go on.
    pub fn release(&self, count: usize) {
        self.released.add_permits(count);
    }
}
