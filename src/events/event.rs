//! Writing events to the security log.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::kind::EventKind;
use crate::{
    clock::now,
    db::{DbConnection, schema::events},
    error::Error,
    security::{Client, ip_key},
    telemetry::escaped,
};

/// An event to be written.
#[derive(Debug, Clone)]
pub struct Event {
    kind: EventKind,
    user: Option<i64>,
    actor: Option<i64>,
    session: Option<String>,
    client: Option<Client>,
    detail: Option<String>,
    note: Option<String>,
    times: i64,
}

impl Event {
    /// An event of the user's; the user is the actor unless [`Event::by`] sets another.
    pub fn new(kind: EventKind, user: Option<i64>) -> Self {
        Self { kind, user, actor: user, session: None, client: None, detail: None, note: None, times: 1 }
    }

    /// Sets the actor: who did it; `None` for the system.
    pub fn by(mut self, actor: Option<i64>) -> Self {
        self.actor = actor;
        self
    }

    /// Sets the session, which must be one of the user's: [`of_session`](super::log::of_session) finds it among the user's
    /// events.
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(id.to_owned());
        self
    }

    /// Sets the client from which it was done.
    pub fn from(mut self, client: Option<&Client>) -> Self {
        self.client = client.cloned();
        self
    }

    /// Sets a short text with details; never a secret.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Sets what only administrators read about it; never a secret.
    pub fn note(mut self, note: Option<String>) -> Self {
        self.note = note;
        self
    }

    /// Sets how often it happened.
    pub(super) fn times(mut self, times: i64) -> Self {
        self.times = times;
        self
    }

    /// What happened.
    pub(super) fn kind(&self) -> EventKind {
        self.kind
    }

    /// Writes the event to the log only.
    pub(super) fn log(self) {
        self.into_row(now()).log();
    }

    /// Writes the event to the table only. Returns its id.
    pub(super) fn insert(self, conn: &mut DbConnection) -> Result<i64, Error> {
        let row = self.into_row(now());
        Ok(diesel::insert_into(events::table).values(row).returning(events::id).get_result(conn)?)
    }

    /// Writes the event to the table and to the log, inside the transaction of its cause.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn write(self, conn: &mut DbConnection) -> Result<(), Error> {
        Self::write_all(conn, vec![self])
    }

    /// Writes many events, with one statement per thousand.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn write_all(conn: &mut DbConnection, events: Vec<Self>) -> Result<(), Error> {
        let at = now();
        let rows: Vec<Row> = events.into_iter().map(|event| event.into_row(at)).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            insert(conn, chunk)?;
        }
        rows.iter().for_each(Row::log);
        Ok(())
    }

    fn into_row(self, at: PrimitiveDateTime) -> Row {
        Row {
            at,
            kind: self.kind,
            user_id: self.user,
            actor_id: self.actor,
            session_id: self.session,
            ip: self.client.as_ref().map(|client| client.ip.to_string()),
            ip_key: self.client.as_ref().map(|client| ip_key(client.ip)),
            user_agent: self.client.map(|client| client.user_agent),
            detail: self.detail,
            note: self.note,
            times: self.times,
        }
    }
}

/// One row is a statement that is planned once; each number of them would be another.
fn insert(conn: &mut DbConnection, rows: &[Row]) -> QueryResult<usize> {
    if let [row] = rows {
        return diesel::insert_into(events::table).values(row).execute(conn);
    }
    let insert = diesel::insert_into(events::table).values(rows);
    match conn {
        DbConnection::Postgres(pg) => insert.execute(pg),
        DbConnection::Sqlite(sqlite) => insert.execute(sqlite),
    }
}

/// Most rows that one statement inserts; Postgres takes 65,535 values in a statement.
const ROWS_PER_STATEMENT: usize = 1_000;

/// A row of the table `events`, before it has an id.
#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct Row {
    at: PrimitiveDateTime,
    kind: EventKind,
    user_id: Option<i64>,
    actor_id: Option<i64>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    detail: Option<String>,
    ip_key: Option<Vec<u8>>,
    note: Option<String>,
    times: i64,
}

impl Row {
    /// Writes the event to the program's log.
    fn log(&self) {
        tracing::info!(
            target: "gatehouse::security",
            kind = self.kind.name(),
            user = self.user_id,
            actor = self.actor_id,
            session = self.session_id.as_deref(),
            ip = self.ip.as_deref(),
            detail = self.detail.as_deref().map(escaped),
            note = self.note.as_deref().map(escaped),
        );
    }
}
