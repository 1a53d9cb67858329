//! Reads the ends of sessions in the order of their events.

use diesel::{deserialize::QueryableByName, prelude::*, sql_query, sql_types::BigInt};
use time::PrimitiveDateTime;

use super::{position::Position, window::Window};
use crate::{
    db::{DbConnection, schema::events},
    error::Error,
    events::kind::EventKind,
};

/// Ends that one reading returns, beside those that appear late.
const BATCH: i64 = 500;

/// How far back a new reader expects that events may still appear, where that can't be found out soon.
const LOOK_BACK: i64 = 10_000;

/// Readings in which a new reader tries to find that out.
const READINGS_AT_START: usize = 10;

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// The session's public id.
    pub session_id: String,
    /// The user's id.
    pub user_id: Option<i64>,
    /// The name of the reason: [`EndReason`](crate::sessions::EndReason), or one that a newer version has recorded.
    pub reason: String,
    /// When it was ended.
    pub at: PrimitiveDateTime,
    /// Where a reader goes on that was told this.
    pub position: Position,
}

/// What one reading found.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The ends, the oldest event first.
    pub ends: Vec<SessionEnd>,
    /// Where the reader goes on without some that may be missing, and have to be found in another way.
    pub reset: Option<Position>,
}

/// Reads the log for one reader, and remembers what that was told.
#[derive(Debug)]
pub struct EndReader {
    window: Window,
}

impl EndReader {
    /// A reader that is told of all ends from now on, where it would go on from here, and the ends that were found already.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn from_now(conn: &mut DbConnection) -> Result<(Self, Position, Vec<SessionEnd>), Error> {
        let newest = events::table.select((events::id, events::at)).order(events::id.desc());
        let newest: Option<(i64, PrimitiveDateTime)> = newest.first(conn).optional()?;
        let last = newest.map_or((0, 0), |(id, at)| (id, micros(at)));
        let settled = last.0.saturating_sub(LOOK_BACK).max(0);
        let known = ended_between(conn, settled, last.0)?;
        let mut reader = Self { window: Window::new(settled, last.0, known) };
        let mut ends = Vec::new();
        for _ in 0..READINGS_AT_START {
            if reader.window.settled() >= last.0 {
                break;
            }
            ends.extend(reader.read(conn)?.ends);
        }
        // Whoever knows only the beginning has not been told of these.
        let untold = ends.iter().map(|end| end.position.last - 1).min().unwrap_or(i64::MAX);
        let settled = reader.window.settled().min(untold);
        Ok((reader, Position { settled, last: last.0, at: last.1 }, ends))
    }

    /// A reader that goes on from a position; `None` when the log doesn't have it: it is older than the log reaches back, or of another
    /// log.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn after(conn: &mut DbConnection, position: Position) -> Result<Option<Self>, Error> {
        let Position { settled, last, at } = position;
        let event = events::table.find(last).select(events::at).first(conn).optional()?;
        let is_known = last == 0 || event.is_some_and(|found| micros(found) == at);
        let window = Window::new(settled, settled, [last]);
        Ok(is_known.then_some(Self { window }))
    }

    /// Reads what was not told yet.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn read(&mut self, conn: &mut DbConnection) -> Result<Told, Error> {
        let before = self.window.settled();
        // Asked before the events are read, so that those of the transactions that have ended are seen.
        let oldest_running = match self.window.is_open() && !self.window.needs_proof() {
            true => Some(oldest_running(conn)?),
            false => None,
        };
        if self.window.needs_proof() {
            let next = next_transaction(conn)?;
            self.window.begin_proof(next);
        }
        let late = match self.window.is_open() {
            true => ended_between(conn, before, self.window.newest())?,
            false => Vec::new(),
        };
        let late = self.window.tell(late);
        let are_late = !late.is_empty();
        let mut rows = if late.is_empty() { Vec::new() } else { rows_of(conn, late.into_iter().collect())? };
        let mut new = rows_after(conn, self.window.newest())?;
        let untold = self.window.tell(new.iter().map(|row| row.id));
        new.retain(|row| untold.contains(&row.id));
        rows.extend(new);
        if let Some(oldest) = oldest_running {
            self.window.end_proof(oldest);
        }
        // A reader that is lost among these has not been told of all up to where the log is complete now, if some of them are late.
        let settled = if are_late { before } else { self.window.settled() };
        let ends: Vec<SessionEnd> = rows.into_iter().map(|row| row.into_end(settled)).collect();
        let last = ends.last().filter(|_| self.window.give_up_if_full()).map(|end| end.position);
        let reset = last.map(|last| Position { settled: self.window.settled().min(last.last), ..last });
        Ok(Told { ends, reset })
    }
}

/// The event of an end.
#[derive(Queryable)]
struct Row {
    id: i64,
    at: PrimitiveDateTime,
    session_id: Option<String>,
    user_id: Option<i64>,
    detail: Option<String>,
}

impl Row {
    fn into_end(self, settled: i64) -> SessionEnd {
        // "ended_by_admin: message"
        let detail = self.detail.unwrap_or_default();
        let reason = detail.split_once(": ").map_or(detail.as_str(), |(reason, _)| reason);
        SessionEnd {
            session_id: self.session_id.unwrap_or_default(),
            user_id: self.user_id,
            reason: reason.to_owned(),
            at: self.at,
            position: Position { settled, last: self.id, at: micros(self.at) },
        }
    }
}

const COLUMNS: (events::id, events::at, events::session_id, events::user_id, events::detail) =
    (events::id, events::at, events::session_id, events::user_id, events::detail);

fn rows_after(conn: &mut DbConnection, id: i64) -> Result<Vec<Row>, Error> {
    let new = events::table.filter(events::kind.eq(EventKind::SessionEnded)).filter(events::id.gt(id));
    Ok(new.order(events::id).limit(BATCH).select(COLUMNS).load(conn)?)
}

fn rows_of(conn: &mut DbConnection, ids: Vec<i64>) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for ids in ids.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        let named = events::table.filter(events::id.eq_any(ids)).order(events::id);
        rows.extend(named.select(COLUMNS).load::<Row>(conn)?);
    }
    Ok(rows)
}

/// The events of ends after `settled` up to `newest`.
fn ended_between(conn: &mut DbConnection, settled: i64, newest: i64) -> Result<Vec<i64>, Error> {
    let between = events::id.gt(settled).and(events::id.le(newest));
    let ended = events::table.filter(events::kind.eq(EventKind::SessionEnded)).filter(between);
    Ok(ended.select(events::id).load(conn)?)
}

#[derive(QueryableByName)]
struct Transaction {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The number of the oldest transaction that writes. SQLite has one at a time, and events are numbered in the order of commits.
fn oldest_running(conn: &mut DbConnection) -> Result<i64, Error> {
    number(conn, "SELECT txid_snapshot_xmin(txid_current_snapshot()) AS number", i64::MAX)
}

/// A number that is higher than those of all transactions that have written something. (The end of a snapshot is not: it is only
/// higher than those that have ended.)
fn next_transaction(conn: &mut DbConnection) -> Result<i64, Error> {
    number(conn, "SELECT txid_current() AS number", 0)
}

fn number(conn: &mut DbConnection, query: &str, on_sqlite: i64) -> Result<i64, Error> {
    match conn {
        DbConnection::Postgres(pg) => Ok(sql_query(query).get_result::<Transaction>(pg)?.number),
        DbConnection::Sqlite(_) => Ok(on_sqlite),
    }
}

fn micros(at: PrimitiveDateTime) -> i64 {
    i64::try_from(at.assume_utc().unix_timestamp_nanos() / 1_000).unwrap_or_default()
}
