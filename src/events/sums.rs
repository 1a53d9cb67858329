//! Events that belong to no account, such as failed sign-ins with unknown addresses. Anybody can cause any number of them: each is
//! in the log, but the table gets the first ones of an hour and one row for all others.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use diesel::prelude::*;

use super::{event::Event, kind::EventKind};
use crate::{
    db::{DbConnection, schema::events},
    error::Error,
};

/// Events of a kind that get rows of their own in an hour of a process.
const ROWS: u32 = 20;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Writes events that belong to no account.
#[derive(Default)]
pub struct EventSums(Mutex<HashMap<EventKind, Sum>>);

/// The hour of one kind.
struct Sum {
    began: Instant,
    rows: u32,
    /// The row that stands for all others.
    row: Option<i64>,
    /// How many are not in that row yet.
    waiting: i64,
    /// Whether somebody is writing them.
    is_written: bool,
}

impl Sum {
    fn new() -> Self {
        Self { began: Instant::now(), rows: 0, row: None, waiting: 0, is_written: false }
    }
}

impl EventSums {
    /// Writes an event without a user. To be called outside of a transaction.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn write(&self, conn: &mut DbConnection, event: Event) -> Result<(), Error> {
        let kind = event.kind();
        if self.has_row(kind) {
            return event.write(conn);
        }
        event.log();
        while let Some((row, times)) = self.take(kind) {
            let written = add(conn, kind, row, times);
            self.put(kind, times, &written);
            written?;
        }
        Ok(())
    }

    /// Whether the next event gets a row of its own. Otherwise it is added to those that wait.
    fn has_row(&self, kind: EventKind) -> bool {
        let mut sums = self.sums();
        let sum = sums.entry(kind).or_insert_with(Sum::new);
        if sum.began.elapsed() > HOUR && !sum.is_written {
            *sum = Sum { waiting: sum.waiting, ..Sum::new() };
        }
        if sum.rows < ROWS {
            sum.rows += 1;
            return true;
        }
        sum.waiting += 1;
        false
    }

    /// The row and what has to be added to it; `None`: nothing, or somebody else is about to.
    fn take(&self, kind: EventKind) -> Option<(Option<i64>, i64)> {
        let mut sums = self.sums();
        let sum = sums.get_mut(&kind).filter(|sum| sum.waiting > 0 && !sum.is_written)?;
        sum.is_written = true;
        Some((sum.row, std::mem::take(&mut sum.waiting)))
    }

    fn put(&self, kind: EventKind, times: i64, written: &Result<i64, Error>) {
        if let Some(sum) = self.sums().get_mut(&kind) {
            sum.is_written = false;
            match written {
                Ok(row) => sum.row = Some(*row),
                Err(_) => sum.waiting += times,
            }
        }
    }

    fn sums(&self) -> MutexGuard<'_, HashMap<EventKind, Sum>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds to a row, or makes it. Returns its id.
fn add(conn: &mut DbConnection, kind: EventKind, row: Option<i64>, times: i64) -> Result<i64, Error> {
    if let Some(id) = row {
        let set = events::times.eq(events::times + times);
        if diesel::update(events::table.find(id)).set(set).execute(conn)? > 0 {
            return Ok(id);
        }
    }
    Event::new(kind, None).times(times).insert(conn)
}
