//! Reading the security log: newest event first, filtered, in pages that begin after a given event.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use ipnet::IpNet;
use time::PrimitiveDateTime;

use super::kind::EventKind;
use crate::{
    db::{
        DbConnection, Uncached, matches_person,
        schema::{events, users},
    },
    error::Error,
    security::ip_key,
    users::UserQuery,
};

/// A row of the table `events`.
#[derive(Debug, Clone, Queryable)]
pub struct StoredEvent {
    /// The event's id; later events have higher ids.
    pub id: i64,
    /// When it happened, in UTC.
    pub at: PrimitiveDateTime,
    /// What happened.
    pub kind: EventKind,
    /// The user it happened to; kept once the account is deleted.
    pub user_id: Option<i64>,
    /// The user who did it; `None`: the system, or nobody who was signed in.
    pub actor_id: Option<i64>,
    /// The session it happened to.
    pub session_id: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's `User-Agent` header.
    pub user_agent: Option<String>,
    /// A short text with details, which the user reads too.
    pub detail: Option<String>,
    /// The client's address as bytes, see [`ip_key`].
    pub ip_key: Option<Vec<u8>>,
    /// What only administrators read about it.
    pub note: Option<String>,
    /// How often it happened, with different addresses.
    pub times: i64,
}

/// When one of these last happened to a user.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn last_of(
    conn: &mut DbConnection,
    user: i64,
    kinds: &[EventKind],
) -> Result<Option<PrimitiveDateTime>, Error> {
    let found = events::table.filter(events::user_id.eq(user)).filter(events::kind.eq_any(kinds));
    Ok(found.order(events::id.desc()).select(events::at).first(conn).optional()?)
}

/// When one of a kind last happened to anybody.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn last_of_anybody(conn: &mut DbConnection, kind: EventKind) -> Result<Option<PrimitiveDateTime>, Error> {
    let found = events::table.filter(events::kind.eq(kind));
    Ok(found.order(events::id.desc()).select(events::at).first(conn).optional()?)
}

/// The events of a kind that have happened to a user since then, at most `limit`, in no particular order.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn since(
    conn: &mut DbConnection,
    user: i64,
    kind: EventKind,
    since: PrimitiveDateTime,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    let of_user = events::table.filter(events::user_id.eq(user).and(events::kind.eq(kind)));
    Ok(of_user.filter(events::at.gt(since)).limit(limit).load(conn)?)
}

/// The newest events of a user's session, at most `limit`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_session(
    conn: &mut DbConnection,
    user: i64,
    session: &str,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    Ok(events::table
        .filter(events::user_id.eq(user))
        .filter(events::session_id.eq(session))
        .order(events::id.desc())
        .limit(limit)
        .load(conn)?)
}

/// How many events of a kind have happened to a user since then; counts no further than `most`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn count_since(
    conn: &mut DbConnection,
    user: i64,
    kind: EventKind,
    since: PrimitiveDateTime,
    most: i64,
) -> Result<i64, Error> {
    let found = events::table
        .filter(events::user_id.eq(user).and(events::kind.eq(kind)).and(events::at.gt(since)))
        .limit(most)
        .select(events::id)
        .load::<i64>(conn)?;
    Ok(i64::try_from(found.len()).unwrap_or(most))
}

/// The filter of the log; the default matches every event.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What happened.
    pub kind: Option<EventKind>,
    /// Whom it happened to.
    pub person: Option<UserQuery>,
    /// Where from: a network, or a single address as the network of just that one.
    pub network: Option<IpNet>,
    /// Not before.
    pub from: Option<PrimitiveDateTime>,
    /// Before.
    pub until: Option<PrimitiveDateTime>,
}

type BoxedQuery<'a> =
    diesel::helper_types::IntoBoxed<'a, events::table, <DbConnection as diesel::Connection>::Backend>;

impl Filter {
    /// The filter for all events of one user.
    pub fn of_user(id: i64) -> Self {
        Self { person: Some(UserQuery::Number(id)), ..Self::default() }
    }

    /// The matching events, unordered.
    fn query(&self) -> BoxedQuery<'_> {
        let mut query = events::table.into_boxed();
        if let Some(kind) = self.kind {
            query = query.filter(events::kind.eq(kind));
        }
        match &self.person {
            None => {}
            Some(UserQuery::Number(id)) => query = query.filter(events::user_id.eq(*id)),
            Some(UserQuery::Named(part)) => {
                let matching = users::table.filter(matches_person(users::search_text, part.as_str()));
                let ids = matching.select(users::id.nullable());
                query = query.filter(events::user_id.eq_any(ids));
            }
        }
        if let Some(network) = &self.network {
            let (first, last) = (ip_key(network.network()), ip_key(network.broadcast()));
            query = query.filter(events::ip_key.between(Some(first), Some(last)));
        }
        if let Some(from) = self.from {
            query = query.filter(events::at.ge(from));
        }
        if let Some(until) = self.until {
            query = query.filter(events::at.lt(until));
        }
        query
    }
}

/// The matching events, newest first: at most `limit` of those with an id below `before`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn page(
    conn: &mut DbConnection,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    let mut query = filter.query();
    if let Some(id) = before {
        query = query.filter(events::id.lt(id));
    }
    Ok(Uncached(query.order(events::id.desc()).limit(limit)).load(conn)?)
}

/// Like [`page`], for a filter that few events match: the database finds all of them first and then sorts them. For a time long
/// past that is quicker than scanning back from the newest event, as the database would for an ordered query with a limit.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn page_of_few(
    conn: &mut DbConnection,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    let query = filter.query().filter(events::id.lt(before.unwrap_or(i64::MAX)));
    // The expression keeps the database from using an index for the order.
    Ok(Uncached(query.order(sql::<BigInt>("events.id + 0").desc()).limit(limit)).load(conn)?)
}

/// How many events match, or `None` when there are more than `most`; a long log is not counted to its end.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn count(conn: &mut DbConnection, filter: &Filter, most: i64) -> Result<Option<i64>, Error> {
    let beyond: Option<i64> =
        Uncached(filter.query().select(events::id).offset(most).limit(1)).get_result(conn).optional()?;
    match beyond {
        Some(_) => Ok(None),
        None => Ok(Some(Uncached(filter.query().count()).get_result(conn)?)),
    }
}
