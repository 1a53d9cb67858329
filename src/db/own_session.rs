//! Connections that have a session of the Postgres server to themselves, and how it is noticed when they have not.
//!
//! A pooler may lend a session for one transaction at a time. What is set, prepared and listened to on one connection is then lost to it
//! and reaches those of others, even the wrong statement may run. Each session gets a mark, which is asked for again.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use diesel::{
    PgConnection, QueryResult, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _,
    r2d2::R2D2Connection as _, sql_types::Text,
};

use super::connection::DbConnection;
use crate::crypto::random_hex;

/// What `DATABASE_URL` does where connections share sessions.
pub(super) const SHARED: &str = "leads to a pooler that lends a session of Postgres for one transaction at a time, which would mix \
    settings and prepared statements of its clients; let it keep one for each connection (PgBouncer: pool_mode = session), \
    or give the address of the server itself";

/// How often two connections are asked in turn.
const ROUNDS: usize = 4;

/// How long it goes without saying that a connection works and has its session: asking costs as much as a statement of a sign-in.
const CHECKED_FOR: Duration = Duration::from_secs(1);

/// A connection, and the mark of the session that it got.
pub struct MarkedConnection {
    conn: DbConnection,
    /// When it last had its own session.
    checked_at: Instant,
    /// Whether all that was done over it since then has succeeded: what has failed may have left a transaction open.
    is_sound: bool,
    /// Random; empty on SQLite.
    mark: String,
    /// How often another primary had taken over when it was made.
    takeovers: u64,
}

#[derive(diesel::QueryableByName)]
struct Mark {
    #[diesel(sql_type = Text)]
    mark: String,
}

impl MarkedConnection {
    /// Runs what a new connection begins with, and marks its session.
    pub(super) fn postgres(mut conn: PgConnection, statements: &str, takeovers: u64) -> QueryResult<Self> {
        let random =
            random_hex::<8>().map_err(|error| diesel::result::Error::QueryBuilderError(error.into()))?;
        conn.batch_execute(&format!("{statements}; SET gatehouse.connection = '{random}'"))?;
        let conn = DbConnection::Postgres(conn);
        Ok(Self { conn, checked_at: Instant::now(), is_sound: true, mark: random, takeovers })
    }

    pub(super) fn sqlite(conn: SqliteConnection) -> Self {
        Self {
            conn: DbConnection::Sqlite(conn),
            checked_at: Instant::now(),
            is_sound: true,
            mark: String::new(),
            takeovers: 0,
        }
    }

    pub(super) fn into_inner(self) -> DbConnection {
        self.conn
    }

    pub(super) fn takeovers(&self) -> u64 {
        self.takeovers
    }

    /// Whether the connection works, and still is in the session that it has marked.
    pub(super) fn has_own_session(&mut self) -> QueryResult<bool> {
        let pg = match &mut self.conn {
            DbConnection::Postgres(pg) => pg,
            DbConnection::Sqlite(sqlite) => return sqlite.ping().map(|()| true),
        };
        let found: Mark =
            diesel::sql_query("SELECT coalesce(current_setting('gatehouse.connection', true), '') AS mark")
                .get_result(pg)?;
        let own = found.mark == self.mark;
        if own {
            self.checked_at = Instant::now();
        }
        Ok(own)
    }

    /// The same before the next work, without asking the server again within a second if the last work has succeeded.
    pub(super) fn has_own_session_lately(&mut self) -> QueryResult<bool> {
        let was_sound = std::mem::take(&mut self.is_sound);
        let is_known = was_sound && self.checked_at.elapsed() < CHECKED_FOR && self.is_open();
        Ok(is_known || self.has_own_session()?)
    }

    /// Records that the work over it has succeeded.
    pub(super) fn has_worked(&mut self) {
        self.is_sound = true;
    }

    /// Whether the other side has not closed the connection, as far as has arrived here.
    fn is_open(&mut self) -> bool {
        match &mut self.conn {
            DbConnection::Postgres(pg) => pg.notifications_iter().all(|arrived| arrived.is_ok()),
            DbConnection::Sqlite(_) => true,
        }
    }
}

/// Whether each of two connections has a session of its own. A pooler that gives each transaction whichever session is free gives them
/// the same one where nobody else asks, and others where many do. One is asked twice, for a pooler that goes through two in turn.
pub(super) fn are_apart(one: &mut MarkedConnection, other: &mut MarkedConnection) -> QueryResult<bool> {
    for _ in 0..ROUNDS {
        if !(one.has_own_session()? && one.has_own_session()? && other.has_own_session()?) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Deref for MarkedConnection {
    type Target = DbConnection;

    fn deref(&self) -> &DbConnection {
        &self.conn
    }
}

impl DerefMut for MarkedConnection {
    fn deref_mut(&mut self) -> &mut DbConnection {
        &mut self.conn
    }
}
