//! Lists of sessions: one filter for the administrator's page, for what is ended by it and for the command line.

use std::collections::{HashMap, HashSet};

use diesel::{prelude::*, sql_query};
use time::PrimitiveDateTime;

use super::{
    cursor::{Cursor, is_session_id},
    device::DeviceKind,
    end_reason::EndReason,
    filter::{Filter, Order, Sort},
    predicates::active,
};
use crate::{
    clock::now,
    db::{
        CountRows, DbConnection, Uncached,
        schema::{
            sessions::{self, dsl},
            users,
        },
        transaction,
    },
    error::Error,
    users::Role,
};

/// A session with its user, as lists show it.
#[derive(Debug, Clone, Queryable)]
pub struct ListedSession {
    pub id: String,
    pub user_id: i64,
    pub created_at: PrimitiveDateTime,
    pub last_seen_at: PrimitiveDateTime,
    pub expires_at: PrimitiveDateTime,
    pub absolute_expires_at: PrimitiveDateTime,
    pub remembered: bool,
    pub ip: String,
    pub user_agent: String,
    pub browser: String,
    pub browser_version: String,
    pub os: String,
    pub device: DeviceKind,
    pub store_key: Option<String>,
    pub state: Option<String>,
    pub ended_at: Option<PrimitiveDateTime>,
    pub end_reason: Option<EndReason>,
    pub end_note: Option<String>,
    pub ended_by: Option<i64>,
    pub name: String,
    pub email: String,
    pub role: Role,
}

macro_rules! listed {
    () => {
        (
            dsl::id,
            dsl::user_id,
            dsl::created_at,
            dsl::last_seen_at,
            dsl::expires_at,
            dsl::absolute_expires_at,
            dsl::remembered,
            dsl::ip,
            dsl::user_agent,
            dsl::browser,
            dsl::browser_version,
            dsl::os,
            dsl::device,
            dsl::store_key,
            dsl::state,
            dsl::ended_at,
            dsl::end_reason,
            dsl::end_note,
            dsl::ended_by,
            users::name,
            users::email,
            users::role,
        )
    };
}

impl ListedSession {
    /// The position right after this session in a list of that order.
    pub fn cursor(&self, order: Order) -> Cursor {
        let at = match order {
            Order::Seen => self.last_seen_at,
            Order::Started => self.created_at,
            Order::Ended => self.ended_at.unwrap_or(self.last_seen_at),
        };
        Cursor::new(at, self.id.clone())
    }
}

/// The active sessions of one user, newest activity first.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<ListedSession>, Error> {
    let active = Filter::default();
    Ok(active
        .query()
        .filter(dsl::user_id.eq(user))
        .order((dsl::last_seen_at.desc(), dsl::id.desc()))
        .inner_join(users::table)
        .select(listed!())
        .load(conn)?)
}

/// The places of the sessions that match, in that order, at most `limit` after the cursor.
pub fn page_keys(
    conn: &mut DbConnection,
    filter: &Filter,
    order: Order,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Cursor>, Error> {
    macro_rules! by {
        ($column:expr) => {
            Uncached(filter.ordered(order, after).limit(limit).select(($column, dsl::id))).load(conn)?
        };
    }
    Ok(match order {
        Order::Seen => by!(dsl::last_seen_at),
        Order::Started => by!(dsl::created_at),
        Order::Ended => by!(dsl::ended_at.assume_not_null()),
    })
}

/// The sessions at these places that still match, in that order: a plan that sorts many to find them would carry all
/// of them whole, with their users.
pub fn rows_at(
    conn: &mut DbConnection,
    filter: &Filter,
    keys: &[Cursor],
) -> Result<Vec<ListedSession>, Error> {
    let ids: Vec<&str> = keys.iter().map(Cursor::id).collect();
    let rows = filter.query().filter(dsl::id.eq_any(&ids)).inner_join(users::table);
    let mut rows: Vec<ListedSession> = rows.select(listed!()).load(conn)?;
    rows.sort_by_cached_key(|session| ids.iter().position(|id| *id == session.id));
    Ok(rows)
}

/// How many sessions match.
pub fn count(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    by_indexes(conn, |conn| Ok(Uncached(filter.query().count()).get_result(conn)?))
}

/// Reads all that match by indexes. Postgres knows how many sessions are old, but not that most of those have ended, and would
/// read the whole table for the few that have not.
fn by_indexes<T>(
    conn: &mut DbConnection,
    read: impl FnOnce(&mut DbConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    if let DbConnection::Sqlite(_) = conn {
        return read(conn);
    }
    transaction(conn, |conn| {
        sql_query("SET LOCAL enable_seqscan = off").execute(conn)?;
        read(conn)
    })
}

/// How many sessions match; the count stops at `most`. In the order of the index that the filter narrows most, so that it
/// needs no more than that many of those that match, however many there are.
pub fn count_up_to(conn: &mut DbConnection, filter: &Filter, most: i64) -> Result<i64, Error> {
    if let Some(first) = &filter.first_users {
        // So many people nearly always have enough sessions.
        let theirs = Filter { person: None, users: Some(first.clone()), first_users: None, ..filter.clone() };
        let counted = count_up_to(conn, &theirs, most)?;
        if counted == most {
            return Ok(counted);
        }
    }
    macro_rules! by {
        ($column:expr) => {
            CountRows(filter.query().order($column).select(dsl::id).limit(most)).get_result(conn)?
        };
    }
    let whose = filter.user.is_some() || filter.users.is_some();
    let sort = if filter.older_than.is_some() { Sort::Started } else { Sort::Seen };
    Ok(match filter.order(sort) {
        _ if whose => by!(dsl::user_id),
        _ if filter.network.is_some() => by!(dsl::ip_key),
        Order::Seen => by!(dsl::last_seen_at.desc()),
        Order::Started => by!(dsl::created_at.desc()),
        Order::Ended => by!(dsl::ended_at.desc()),
    })
}

/// Of how many people the sessions that match are.
pub fn count_users(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    let people = filter.query().select(diesel::dsl::count(dsl::user_id).aggregate_distinct());
    by_indexes(conn, |conn| Ok(Uncached(people).get_result(conn)?))
}

/// One session, active or ended.
pub fn by_id(conn: &mut DbConnection, id: &str) -> Result<ListedSession, Error> {
    if !is_session_id(id) {
        return Err(Error::NotFound);
    }
    Ok(sessions::table.inner_join(users::table).filter(dsl::id.eq(id)).select(listed!()).first(conn)?)
}

/// These sessions, in no order; ids that are none are left out.
pub fn by_ids(conn: &mut DbConnection, ids: &[String]) -> Result<Vec<ListedSession>, Error> {
    Ok(sessions::table.inner_join(users::table).filter(dsl::id.eq_any(ids)).select(listed!()).load(conn)?)
}

/// How many sessions are active.
pub fn count_active(conn: &mut DbConnection) -> Result<i64, Error> {
    Ok(sessions::table.filter(active(now())).count().get_result(conn)?)
}

/// How many active sessions each of these users has; users without any are left out.
pub fn count_active_of(conn: &mut DbConnection, users: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let counts: Vec<(i64, i64)> = sessions::table
        .filter(dsl::user_id.eq_any(users))
        .filter(active(now()))
        .group_by(dsl::user_id)
        .select((dsl::user_id, diesel::dsl::count_star()))
        .load(conn)?;
    Ok(counts.into_iter().collect())
}

/// Which of these ids are sessions.
pub fn existing<'a>(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<HashSet<String>, Error> {
    let found: Vec<String> = sessions::table.filter(dsl::id.eq_any(ids)).select(dsl::id).load(conn)?;
    Ok(found.into_iter().collect())
}
