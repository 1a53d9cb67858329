//! How many sessions are active, for everyone who wants to know at the same time: counted once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use super::{catalogue::list::Wanted, service::Sessions};
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
    /// much work: then this waits. Whoever doesn't ask on holds up nobody: the work goes on without them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn active(self: &Arc<Self>, since: Instant) -> Result<i64, Error> {
        let own = Arc::clone(self);
        tokio::spawn(async move { own.active_since(since).await }).await.map_err(Error::internal)?
    }

    async fn active_since(&self, since: Instant) -> Result<i64, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, db::Db};

    #[actix_web::test]
    async fn whoever_is_not_polled_any_more_holds_up_nobody() {
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
        let vars = [("DATABASE_URL", url), ("SESSION_SECRET", "x".repeat(64))];
        let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value)));
        let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let db = Db::new(&config.database, config.store_timeout);
        db.prepare().await.unwrap();
        let sessions = Arc::new(Sessions::new(&config, db).await.unwrap());
        sessions.active(Instant::now()).await.unwrap();

        // It waits for the pause to be over; then nobody reads the stream that it is for.
        let mut stalled = Box::pin(sessions.active(Instant::now()));
        assert!(tokio::time::timeout(PAUSE / 10, &mut stalled).await.is_err());
        let counted = tokio::time::timeout(PAUSE * 5, sessions.active(Instant::now())).await;
        assert_eq!(counted.expect("the other waits for the first").unwrap(), 0);
    }
}
