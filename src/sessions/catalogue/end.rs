//! Ending sessions: one conditional UPDATE, recorded in the security log in the same transaction.

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

/// An end about to happen: why, by whom, from where.
#[derive(Debug, Clone)]
pub struct EndRequest {
    /// Why.
    pub reason: EndReason,
    /// The user who did it; `None`: the system.
    pub by: Option<i64>,
    /// What the administrator wrote.
    pub note: Option<String>,
    /// Where it was done from.
    pub client: Option<Client>,
}

impl EndRequest {
    /// An end that nobody in particular asked for.
    pub fn by_system(reason: EndReason) -> Self {
        Self { reason, by: None, note: None, client: None }
    }
}

/// Which sessions to end.
#[derive(Debug, Clone)]
pub enum Target {
    /// These, whoever they belong to.
    Ids(Vec<String>),
    /// Of these, those that have neither been used nor got a key since they were found expired.
    Expired(Vec<LiveSession>),
    /// Of these, those that have got no key since they were found.
    FoundSession(Vec<LiveSession>),
    /// Those that still have one of these store keys, which the store no longer knows.
    Lost(Vec<String>),
    /// One of that user's; another user's is left alone.
    OneOf {
        /// The user.
        user: i64,
        /// The public session id.
        id: String,
    },
    /// All of that user's but one.
    AllBut {
        /// The user.
        user: i64,
        /// The public session id that stays.
        keep: String,
    },
    /// All of that user's.
    AllOf {
        /// The user.
        user: i64,
    },
}

/// A session that was just ended.
#[derive(Debug, Clone, Queryable)]
pub struct Ended {
    /// The public session id.
    pub id: String,
    /// Whose it was.
    pub user_id: i64,
    /// Its entry in the store, if it got so far.
    pub store_key: Option<String>,
    /// Why it ended.
    pub reason: EndReason,
    /// What the administrator wrote.
    pub note: Option<String>,
    /// The user who did it; none: the system.
    pub by: Option<i64>,
}

/// Ends sessions and records it, inside the caller's transaction. Those that had ended already are not touched.
///
/// `in_store`: the store holds entries that are still to be deleted and confirmed.
pub fn end(
    conn: &mut DbConnection,
    which: &Target,
    ending: &EndRequest,
    in_store: bool,
) -> Result<Vec<Ended>, Error> {
    let live = || sessions::table.filter(not_ended());
    let set = (
        dsl::ended_at.eq(now()),
        dsl::end_reason.eq(ending.reason),
        dsl::end_note.eq(&ending.note),
        dsl::ended_by.eq(ending.by),
        dsl::state.eq(None::<String>),
    );
    macro_rules! end {
        ($rows:expr) => {
            diesel::update($rows)
                .set(set)
                .returning((
                    dsl::id,
                    dsl::user_id,
                    dsl::store_key,
                    dsl::end_reason.assume_not_null(),
                    dsl::end_note,
                    dsl::ended_by,
                ))
                .get_results::<Ended>(conn)?
        };
    }
    macro_rules! as_found {
        ($found:expr) => {{
            let keys = $found.iter().filter_map(|live| live.store_key.as_ref());
            live()
                .filter(dsl::id.eq_any($found.iter().map(|live| &live.id)))
                .filter(dsl::store_key.is_null().or(dsl::store_key.assume_not_null().eq_any(keys)))
        }};
    }
    let ended = match which {
        Target::Ids(ids) => end!(live().filter(dsl::id.eq_any(ids))),
        Target::Expired(found) => end!(as_found!(found).filter(dsl::expires_at.le(now()))),
        Target::FoundSession(found) => end!(as_found!(found)),
        Target::Lost(store_keys) => end!(live().filter(dsl::store_key.eq_any(store_keys))),
        Target::OneOf { user, id } => end!(live().filter(dsl::id.eq(id)).filter(dsl::user_id.eq(user))),
        Target::AllBut { user, keep } => end!(live().filter(dsl::user_id.eq(user)).filter(dsl::id.ne(keep))),
        Target::AllOf { user } => end!(live().filter(dsl::user_id.eq(user))),
    };
    if in_store && !ended.is_empty() {
        note_pending(conn, &ended)?;
    }
    let detail = match &ending.note {
        Some(note) => format!("{}: {note}", ending.reason.name()),
        None => ending.reason.name().to_owned(),
    };
    let told = |session: &Ended| {
        Event::new(EventKind::SessionEnded, Some(session.user_id))
            .by(ending.by)
            .session(&session.id)
            .from(ending.client.as_ref())
            .detail(detail.clone())
    };
    Event::write_all(conn, ended.iter().map(told).collect())?;
    Ok(ended)
}

/// Notes that the store has not confirmed yet that the entries of these sessions are gone.
fn note_pending(conn: &mut DbConnection, ended: &[Ended]) -> Result<(), Error> {
    sessions::table
        .filter(dsl::id.eq_any(ended.iter().map(|session| &session.id)))
        .select((dsl::id, dsl::user_id, dsl::store_key))
        .insert_into(pending_deletions::table)
        .into_columns((pending::session_id, pending::user_id, pending::store_key))
        .execute(conn)?;
    Ok(())
}

/// Notes that the store has confirmed the deletion of these sessions' entries.
pub fn confirm_deleted(conn: &mut DbConnection, ids: &[String]) -> Result<(), Error> {
    diesel::delete(pending_deletions::table.filter(pending::session_id.eq_any(ids))).execute(conn)?;
    Ok(())
}

/// The same of one user, all of them.
pub fn unconfirmed_of(conn: &mut DbConnection, user: i64) -> Result<Vec<Ended>, Error> {
    let pending = pending_deletions::table.filter(pending::user_id.eq(user)).select(pending::session_id);
    Ok(sessions::table
        .filter(dsl::id.eq_any(pending))
        .select((
            dsl::id,
            dsl::user_id,
            dsl::store_key,
            dsl::end_reason.assume_not_null(),
            dsl::end_note,
            dsl::ended_by,
        ))
        .load(conn)?)
}

/// What became of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOutcome {
    /// Sessions that ended just now.
    pub count: usize,
    /// Whether the store has confirmed that their entries are gone. If not they are refused all the same, and
    /// deletion is tried until it is confirmed.
    pub confirmed: bool,
}

impl EndOutcome {
    /// Nothing had to end.
    pub const NONE: Self = Self { count: 0, confirmed: true };
}
