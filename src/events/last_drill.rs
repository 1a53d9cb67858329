//! What came of `gatehouse drill`: an event of each run, and the last one for the metrics of every instance.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{event::Event, kind::EventKind};
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::last_drill::{self, dsl},
    },
    error::Error,
};

/// The row of the table `last_drill`.
const ROW: i64 = 1;

/// A run of `gatehouse drill` that came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Drill {
    /// When it ended, in UTC.
    pub at: PrimitiveDateTime,
    /// Whether everything was refused in time.
    pub passed: bool,
    /// Milliseconds until the slowest refusal; `None` where something was not refused.
    pub slowest_ms: Option<i64>,
}

impl Drill {
    /// A run that ends now.
    pub fn now(slowest_ms: Option<i64>) -> Self {
        Self { at: now(), passed: slowest_ms.is_some(), slowest_ms }
    }

    /// Records the run in place of the one before, with an event of the account that was signed in. `summary`: what came of it.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn record(&self, conn: &mut DbConnection, user: i64, summary: String) -> Result<(), Error> {
        diesel::delete(last_drill::table).execute(conn)?;
        let row = (
            dsl::id.eq(ROW),
            dsl::at.eq(self.at),
            dsl::passed.eq(self.passed),
            dsl::slowest_ms.eq(self.slowest_ms),
        );
        diesel::insert_into(last_drill::table).values(row).execute(conn)?;
        Event::new(EventKind::Drill, Some(user)).by(None).detail(summary).write(conn)
    }

    /// The last run; `None` before the first one.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn last(conn: &mut DbConnection) -> Result<Option<Self>, Error> {
        let columns = (dsl::at, dsl::passed, dsl::slowest_ms);
        Ok(last_drill::table.find(ROW).select(columns).first(conn).optional()?)
    }
}
