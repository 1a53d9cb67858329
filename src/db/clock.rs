//! The database's clock, which all instances go by.

use std::time::Duration;

use super::{clock_difference::CountingClock, clock_set_back, pool::Db};
use crate::clock;

/// How often the database is asked for the time.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often it is seen whether the clock of this machine was set back.
const FILE_INTERVAL: Duration = Duration::from_secs(1);

impl Db {
    /// By how much this machine's clock is ahead of the database's, to about half of what asking takes. `None`: the database is a file
    /// of this machine, or was not reached yet.
    pub fn clock_difference(&self) -> Option<time::Duration> {
        self.shared.clock_difference.last()
    }

    /// Keeps this process by the database's clock, for as long as it is polled. Where the database is a file, notices when the clock
    /// of this machine is set back.
    pub async fn keep_time(&self) {
        let mut is_file = false;
        loop {
            let before = clock::of_this_machine();
            tokio::time::sleep(if is_file { FILE_INTERVAL } else { INTERVAL }).await;
            let was_set_back = clock::of_this_machine() < before.saturating_sub(clock_set_back::LEEWAY);
            if is_file && !was_set_back {
                continue;
            }
            let db = self.clone();
            // While the database doesn't answer, time passes as it did.
            let kept = self.run(move |conn| db.shared.clock_difference.go_by(conn, was_set_back)).await;
            is_file = kept.is_ok_and(|clock| clock == CountingClock::OfThisMachine);
        }
    }
}
