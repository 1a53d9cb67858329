//! Ends sessions with one conditional UPDATE, and records it in the security log in the same transaction.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{due::LiveSession, end_reason::EndReason, predicates::not_ended};
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{
            pending_deletions::{self, dsl as pending},
            sessions::{self, dsl},
        },
    },
    error::Error,
    events::{Event, EventKind},
    security::Client,
};

/// Why sessions are to be ended, by whom, and from where.
#[derive(Debug, Clone)]
pub struct EndRequest {
    /// Why they end.
    pub reason: EndReason,
    /// The user who ends them; `None`: the system.
    pub by: Option<i64>,
    /// What is written about it.
    pub remarks: Remarks,
    /// The client whose request asked for it, if a request did.
    pub client: Option<Client>,
}

impl EndRequest {
    /// An end by the system, without remarks.
    pub fn by_system(reason: EndReason) -> Self {
        Self { reason, by: None, remarks: Remarks::default(), client: None }
    }

    /// An end by a user from that client, without remarks.
    pub fn by_user(reason: EndReason, user: i64, client: Client) -> Self {
        Self { by: Some(user), client: Some(client), ..Self::by_system(reason) }
    }
}

/// What whoever ends sessions writes about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What the people who are signed out read.
    pub message: Option<String>,
    /// What only administrators read, in the record.
    pub note: Option<String>,
}

/// Which sessions to end.
#[derive(Debug, Clone)]
pub enum Target {
    /// The sessions with these public ids, of any user.
    Ids(Vec<String>),
    /// Those of these sessions that were neither used nor given a key since they were found expired.
    Expired(Vec<LiveSession>),
    /// Those of these sessions that were not given a new key since they were found.
    UnchangedKey(Vec<LiveSession>),
    /// The sessions that still have one of these store keys, which the store has lost.
    Lost(Vec<String>),
    /// All sessions of this user except one.
    AllBut {
        /// The user's id.
        user: i64,
        /// The public id of the session that does not end.
        keep: String,
    },
    /// All sessions of this user.
    AllOf {
        /// The user's id.
        user: i64,
    },
}

/// Sessions that one statement names at most; Postgres takes 65,535 values in a statement, SQLite half of that.
const NAMED_AT_ONCE: usize = 1_000;

impl Target {
    /// The same sessions in parts, each for one statement.
    fn parts(&self) -> Vec<Self> {
        fn split<T: Clone>(all: &[T], part: impl Fn(Vec<T>) -> Target) -> Vec<Target> {
            all.chunks(NAMED_AT_ONCE).map(|chunk| part(chunk.to_vec())).collect()
        }
        match self {
            Self::Ids(ids) => split(ids, Self::Ids),
            Self::Expired(found) => split(found, Self::Expired),
            Self::UnchangedKey(found) => split(found, Self::UnchangedKey),
            Self::Lost(keys) => split(keys, Self::Lost),
            Self::AllBut { .. } | Self::AllOf { .. } => vec![self.clone()],
        }
    }
}

/// A session that was just ended.
#[derive(Debug, Clone, Queryable)]
pub struct Ended {
    /// The public session id.
    pub id: String,
    /// The user's id.
    pub user_id: i64,
    /// The key of its entry in the store; `None` when the store never had its state.
    pub store_key: Option<String>,
    /// Why it ended.
    pub reason: EndReason,
    /// What its user reads about it.
    pub message: Option<String>,
    /// What only administrators read.
    pub note: Option<String>,
    /// The user who ended it; `None`: the system.
    pub by: Option<i64>,
}

/// The columns of [`Ended`].
macro_rules! ended_columns {
    () => {
        (
            dsl::id,
            dsl::user_id,
            dsl::store_key,
            dsl::end_reason.assume_not_null(),
            dsl::end_message,
            dsl::end_note,
            dsl::ended_by,
        )
    };
}

/// Ends sessions and records their ends in the security log, inside the caller's transaction. Sessions that have already ended
/// are not changed. Returns those that ended now.
///
/// `in_store`: the store has entries, which are still to be deleted and confirmed.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub fn end(
    conn: &mut DbConnection,
    target: &Target,
    request: &EndRequest,
    in_store: bool,
) -> Result<Vec<Ended>, Error> {
    let mut ended = Vec::new();
    for part in target.parts() {
        ended.extend(update_rows(conn, &part, request)?);
    }
    if in_store && !ended.is_empty() {
        record_pending(conn, &ended)?;
    }
    record_events(conn, request, &ended)?;
    Ok(ended)
}

/// The conditional update that ends the sessions.
fn update_rows(conn: &mut DbConnection, target: &Target, request: &EndRequest) -> Result<Vec<Ended>, Error> {
    let live = || sessions::table.filter(not_ended());
    let set = (
        dsl::ended_at.eq(now()),
        dsl::end_reason.eq(request.reason),
        dsl::end_message.eq(&request.remarks.message),
        dsl::end_note.eq(&request.remarks.note),
        dsl::ended_by.eq(request.by),
        dsl::state.eq(None::<String>),
    );
    macro_rules! update {
        ($rows:expr) => {
            diesel::update($rows).set(set).returning(ended_columns!()).get_results::<Ended>(conn)?
        };
    }
    macro_rules! with_unchanged_key {
        ($found:expr) => {{
            let keys = $found.iter().filter_map(|session| session.store_key.as_ref());
            live()
                .filter(dsl::id.eq_any($found.iter().map(|session| &session.id)))
                .filter(dsl::store_key.is_null().or(dsl::store_key.assume_not_null().eq_any(keys)))
        }};
    }
    Ok(match target {
        Target::Ids(ids) => update!(live().filter(dsl::id.eq_any(ids))),
        Target::Expired(found) => update!(with_unchanged_key!(found).filter(dsl::expires_at.le(now()))),
        Target::UnchangedKey(found) => update!(with_unchanged_key!(found)),
        Target::Lost(store_keys) => update!(live().filter(dsl::store_key.eq_any(store_keys))),
        Target::AllBut { user, keep } => {
            update!(live().filter(dsl::user_id.eq(user)).filter(dsl::id.ne(keep)))
        }
        Target::AllOf { user } => update!(live().filter(dsl::user_id.eq(user))),
    })
}

/// Records the ends in the security log.
fn record_events(conn: &mut DbConnection, request: &EndRequest, ended: &[Ended]) -> Result<(), Error> {
    let detail = match &request.remarks.message {
        Some(message) => format!("{}: {message}", request.reason.name()),
        None => request.reason.name().to_owned(),
    };
    let event = |session: &Ended| {
        Event::new(EventKind::SessionEnded, Some(session.user_id))
            .by(request.by)
            .session(&session.id)
            .from(request.client.as_ref())
            .detail(detail.clone())
            .note(request.remarks.note.clone())
    };
    Event::write_all(conn, ended.iter().map(event).collect())
}

/// Records that the store has not yet confirmed the deletion of these sessions' entries.
fn record_pending(conn: &mut DbConnection, ended: &[Ended]) -> Result<(), Error> {
    for part in ended.chunks(NAMED_AT_ONCE) {
        sessions::table
            .filter(dsl::id.eq_any(part.iter().map(|session| &session.id)))
            .select((dsl::id, dsl::user_id, dsl::store_key))
            .insert_into(pending_deletions::table)
            .into_columns((pending::session_id, pending::user_id, pending::store_key))
            .execute(conn)?;
    }
    Ok(())
}

/// Records that the store has confirmed the deletion of these sessions' entries.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be reached.
pub(in crate::sessions) fn confirm_deleted(conn: &mut DbConnection, ids: &[String]) -> Result<(), Error> {
    diesel::delete(pending_deletions::table.filter(pending::session_id.eq_any(ids))).execute(conn)?;
    Ok(())
}

/// The result of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOutcome {
    /// How many sessions ended.
    pub count: usize,
    /// Whether the store has confirmed that their entries are deleted. If not, the sessions are refused all the same, and the
    /// deletion is retried until it is confirmed.
    pub confirmed: bool,
}

impl EndOutcome {
    /// No session had to end.
    pub const NONE: Self = Self { count: 0, confirmed: true };
}
