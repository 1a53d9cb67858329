use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use actix_web::web;

use crate::app::Site;

/// After a count that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// The count of active sessions for one stream.
pub struct Counting {
    site: web::Data<Site>,
    /// A count of this time or later is wanted.
    wanted: Option<Instant>,
    running: Option<Running>,
    told: Option<i64>,
}

type Running = Pin<Box<dyn Future<Output = i64>>>;

impl Counting {
    /// Counts at once.
    pub fn start(site: web::Data<Site>) -> Self {
        Self { site, wanted: Some(Instant::now()), running: None, told: None }
    }

    /// Counts again, after the count that is under way.
    pub fn again(&mut self) {
        self.wanted = Some(Instant::now());
    }

    /// The next count that differs from the last; waits for it, however often it is asked anew.
    pub async fn changed(&mut self) -> i64 {
        loop {
            let Some(running) = &mut self.running else {
                let Some(since) = self.wanted.take() else { std::future::pending().await };
                let site = self.site.clone();
                self.running = Some(Box::pin(count(site, since)));
                continue;
            };
            let active = running.await;
            self.running = None;
            if self.told.replace(active) != Some(active) {
                return active;
            }
        }
    }
}

/// Tries until it succeeds.
async fn count(site: web::Data<Site>, since: Instant) -> i64 {
    loop {
        match site.sessions.active(since).await {
            Ok(active) => return active,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
