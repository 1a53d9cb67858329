//! How many sessions are active: counted once for all callers that ask at the same time (single-flight).

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::Error;

/// At least so long between the beginnings of two counts.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause in multiples of how long a count took.
const LOAD_FACTOR: u32 = 20;

/// The last count.
#[derive(Default)]
pub(super) struct ActiveCount {
    last: Mutex<Option<Count>>,
}

struct Count {
    began: Instant,
    took: Duration,
    active: i64,
}

impl ActiveCount {
    /// The number at `since` or later: the last count, or a new one by `count` after the pause.
    ///
    /// # Errors
    /// Those of `count`.
    pub(super) async fn get(
        &self,
        since: Instant,
        count: impl Future<Output = Result<i64, Error>>,
    ) -> Result<i64, Error> {
        // Callers that wait for the lock want the same number.
        let mut last = self.last.lock().await;
        if let Some(last) = &*last {
            if last.began >= since {
                return Ok(last.active);
            }
            tokio::time::sleep_until((last.began + PAUSE.max(last.took * LOAD_FACTOR)).into()).await;
        }
        let began = Instant::now();
        let active = count.await?;
        *last = Some(Count { began, took: began.elapsed(), active });
        Ok(active)
    }
}
