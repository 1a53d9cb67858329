//! Reading the security log: newest first, filtered, in pages that begin after an entry.

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

/// An entry as it is stored.
#[derive(Debug, Clone, Queryable)]
pub struct StoredEvent {
    pub id: i64,
    pub at: PrimitiveDateTime,
    pub kind: EventKind,
    pub user_id: Option<i64>,
    pub actor_id: Option<i64>,
    pub session_id: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub detail: Option<String>,
    pub ip_key: Option<Vec<u8>>,
}

/// The newest entries about a user's session, at most `limit`.
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

/// What the log is narrowed to; the default is all of it.
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

type Boxed<'a> =
    diesel::helper_types::IntoBoxed<'a, events::table, <DbConnection as diesel::Connection>::Backend>;

impl Filter {
    /// Everything about one account.
    pub fn of_user(id: i64) -> Self {
        Self { person: Some(UserQuery::Number(id)), ..Self::default() }
    }

    fn query(&self) -> Boxed<'_> {
        let mut query = events::table.into_boxed();
        if let Some(kind) = self.kind {
            query = query.filter(events::kind.eq(kind));
        }
        match &self.person {
            None => {}
            Some(UserQuery::Number(id)) => query = query.filter(events::user_id.eq(*id)),
            Some(UserQuery::Named(part)) => {
                let found =
                    users::table.filter(matches_person(users::name, users::email_key, part.to_lowercase()));
                let found = found.select(users::id.nullable());
                query = query.filter(events::user_id.eq_any(found));
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

/// The entries that match, newest first, at most `limit` of those before the entry with the number `before`.
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

/// The same where few match in all: those are found first and then sorted. For a time long past that is quicker than
/// going back to it from the newest entry, which is how a database finds the last few of a list in order.
pub fn page_of_few(
    conn: &mut DbConnection,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    let query = filter.query().filter(events::id.lt(before.unwrap_or(i64::MAX)));
    // No index has the entries in this order.
    Ok(Uncached(query.order(sql::<BigInt>("events.id + 0").desc()).limit(limit)).load(conn)?)
}

/// How many match, or `None` when there are more than `most`: nobody counts a long log to its end.
pub fn count(conn: &mut DbConnection, filter: &Filter, most: i64) -> Result<Option<i64>, Error> {
    let beyond: Option<i64> =
        Uncached(filter.query().select(events::id).offset(most).limit(1)).get_result(conn).optional()?;
    match beyond {
        Some(_) => Ok(None),
        None => Ok(Some(Uncached(filter.query().count()).get_result(conn)?)),
    }
}
