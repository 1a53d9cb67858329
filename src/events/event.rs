//! Writing the security log.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::kind::EventKind;
use crate::{
    clock::now,
    db::{DbConnection, schema::events},
    error::Error,
    security::{Client, ip_key},
};

/// An entry about to be written.
#[derive(Debug, Clone)]
pub struct Event {
    kind: EventKind,
    user: Option<i64>,
    actor: Option<i64>,
    session: Option<String>,
    client: Option<Client>,
    detail: Option<String>,
}

impl Event {
    /// Something that happened to the user; the user is the actor unless [`Event::by`] says otherwise.
    pub fn new(kind: EventKind, user: Option<i64>) -> Self {
        Self { kind, user, actor: user, session: None, client: None, detail: None }
    }

    /// Who did it; `None` for the system itself.
    pub fn by(mut self, actor: Option<i64>) -> Self {
        self.actor = actor;
        self
    }

    /// The session it happened to, one of the user's: it is found among what happened to them.
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(id.to_owned());
        self
    }

    /// Where it was done from.
    pub fn from(mut self, client: Option<&Client>) -> Self {
        self.client = client.cloned();
        self
    }

    /// A short text that says more; never a secret.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Writes it to the table and to the log, inside the transaction of its cause.
    pub fn write(self, conn: &mut DbConnection) -> Result<(), Error> {
        Self::write_all(conn, vec![self])
    }

    /// The same for many, in few statements.
    pub fn write_all(conn: &mut DbConnection, events: Vec<Self>) -> Result<(), Error> {
        let at = now();
        let rows: Vec<Row> = events.into_iter().map(|event| event.into_row(at)).collect();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let insert = diesel::insert_into(events::table).values(rows);
            match conn {
                DbConnection::Postgres(pg) => insert.execute(pg)?,
                DbConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
            };
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
        }
    }
}

/// Rows that one statement inserts; Postgres takes 65,535 values in one.
const ROWS_AT_ONCE: usize = 1_000;

#[derive(Insertable)]
#[diesel(table_name = events)]
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
}

impl Row {
    fn log(&self) {
        tracing::info!(
            target: "gatehouse::security",
            kind = self.kind.name(),
            user = self.user_id,
            actor = self.actor_id,
            session = self.session_id.as_deref(),
            ip = self.ip.as_deref(),
            detail = self.detail.as_ref().map(|text| format!("{text:?}")),
        );
    }
}
