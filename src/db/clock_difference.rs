//! By how much this machine's clock differs from the database's, and going by the latter.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use diesel::{PgConnection, prelude::*, sql_types::Timestamp};
use time::PrimitiveDateTime;

use super::{clock_set_back, connection::DbConnection};
use crate::{clock, error::Error};

/// Differences that don't count, beside what asking takes.
const LEEWAY: time::Duration = time::Duration::seconds(1);

/// From here on the difference of this machine's clock is said.
const NOTABLE: time::Duration = time::Duration::seconds(5);

/// By how much this machine's clock is ahead of the database's, as it was last asked; `None`: the database is a file of this machine,
/// or was not asked yet.
#[derive(Debug, Default)]
pub(super) struct ClockDifference(Mutex<Option<time::Duration>>);

/// Whose clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountingClock {
    OfDatabase,
    OfThisMachine,
}

impl ClockDifference {
    pub(super) fn last(&self) -> Option<time::Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on goes by the clock of the database, unless it is a file of this machine.
    pub(super) fn go_by(&self, conn: &mut DbConnection, was_set_back: bool) -> Result<CountingClock, Error> {
        match conn {
            DbConnection::Sqlite(_) => {
                clock_set_back::repair(conn, was_set_back)?;
                Ok(CountingClock::OfThisMachine)
            }
            DbConnection::Postgres(conn) => {
                self.go_by_postgres(conn)?;
                Ok(CountingClock::OfDatabase)
            }
        }
    }

    fn go_by_postgres(&self, conn: &mut PgConnection) -> Result<(), Error> {
        let asked = Instant::now();
        let there: PrimitiveDateTime =
            diesel::select(diesel::dsl::sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'"))
                .get_result(conn)?;
        let round_trip = time::Duration::try_from(asked.elapsed()).map_err(Error::internal)?;
        let there = there.assume_utc() + round_trip / 2;
        clock::go_on_from(there, LEEWAY + round_trip);
        let difference = clock::of_this_machine() - there;
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(difference);
        say(before.unwrap_or_default(), difference);
        Ok(())
    }
}

/// Logs each change once.
fn say(before: time::Duration, difference: time::Duration) {
    let seconds = difference.as_seconds_f64().round();
    match (before.abs() >= NOTABLE, difference.abs() >= NOTABLE) {
        (false, true) => tracing::warn!(
            seconds_ahead = seconds,
            "the clock of this machine is not that of the database, which counts; set it right"
        ),
        (true, false) => tracing::info!("the clock of this machine is that of the database again"),
        _ => {}
    }
}
