//! Patience of what has begun: it waits while the database is busy, and goes on.

use std::time::{Duration, Instant};

use super::pool::Db;
use crate::error::Error;

/// How long work is tried again. A task that has not moved for longer is taken to have stopped.
const PATIENCE: Duration = Duration::from_secs(45);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

impl Db {
    /// Does work of a task that has begun and must not stop halfway: again and again while the database is busy, takes no
    /// writes or can't be reached, for at most 45 seconds. Work may have been done although it failed, so doing it twice must do no harm.
    ///
    /// # Errors
    /// Those of the work; at once when they have nothing to do with the database being away.
    pub async fn with_retries<T>(&self, work: impl AsyncFn(&Self) -> Result<T, Error>) -> Result<T, Error> {
        let (db, start) = (self.with_long_timeout(), Instant::now());
        loop {
            match work(&db).await {
                Err(error @ Error::Unavailable(_)) if start.elapsed() < PATIENCE => {
                    tracing::debug!(error = ?error.causes(), "work on the database is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }
}
