//! How many sessions are active, for everyone who wants to know at the same time: counted once.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::{Sessions, list::Wanted};
use crate::error::Error;

/// At least so long between two counts.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause in multiples of how long a count took.
const SHARE: u32 = 20;

/// The last count.
#[derive(Default)]
pub struct Counted {
    last: Mutex<Option<Count>>,
}

struct Count {
    began: Instant,
    took: Duration,
    active: i64,
}

impl Sessions {
    /// The number of active sessions at that time or later. Counts at most once a second, and less often when that is
    /// much work: then this waits.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn active(&self, since: Instant) -> Result<i64, Error> {
        // Who waits here wants the same number.
        let mut last = self.counted.last.lock().await;
        if let Some(last) = &*last {
            if last.began >= since {
                return Ok(last.active);
            }
            tokio::time::sleep_until((last.began + PAUSE.max(last.took * SHARE)).into()).await;
        }
        let began = Instant::now();
        let active = self.count(&Wanted::default()).await?;
        *last = Some(Count { began, took: began.elapsed(), active });
        Ok(active)
    }
}
