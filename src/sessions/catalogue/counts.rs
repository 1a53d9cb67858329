//! Counts of sessions: all that match a filter, and those of each user.

use std::collections::HashMap;

use diesel::{prelude::*, sql_query};

use super::{
    filter::{Filter, Order, Sort},
    predicates::active,
};
use crate::{
    clock::now,
    db::{
        CountRows, DbConnection, Uncached,
        schema::sessions::{self, dsl},
        transaction,
    },
    error::Error,
};

/// How many sessions match.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn count(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    without_table_scan(conn, |conn| Ok(Uncached(filter.query().count()).get_result(conn)?))
}

/// Runs a query that Postgres must answer by indexes. Its statistics say how many sessions are old, but not that most of those
/// have ended: it would scan the whole table for the few that have not.
fn without_table_scan<T>(
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

/// How many sessions match, counted up to `max`. Reads them in the order of the most selective index, so that it reads no more
/// than `max` matching sessions, however many there are.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn count_up_to(
    conn: &mut DbConnection,
    filter: &Filter,
    max: i64,
) -> Result<i64, Error> {
    if let Some(first_users) = &filter.first_users {
        // That many users nearly always have enough sessions.
        let narrowed =
            Filter { person: None, users: Some(first_users.clone()), first_users: None, ..filter.clone() };
        let count = count_up_to(conn, &narrowed, max)?;
        if count == max {
            return Ok(count);
        }
    }
    macro_rules! count_in_order {
        ($column:expr) => {
            CountRows(filter.query().order($column).select(dsl::id).limit(max)).get_result(conn)?
        };
    }
    if filter.user.is_some() || filter.users.is_some() {
        return Ok(count_in_order!(dsl::user_id));
    }
    if filter.network.is_some() {
        return Ok(count_in_order!(dsl::ip_key));
    }
    let sort = if filter.older_than.is_some() { Sort::Started } else { Sort::Seen };
    Ok(match filter.order(sort) {
        Order::Seen => count_in_order!(dsl::last_seen_at.desc()),
        Order::Started => count_in_order!(dsl::created_at.desc()),
        Order::Ended => count_in_order!(dsl::ended_at.desc()),
    })
}

/// How many users the sessions that match belong to.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn count_users(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    let users = filter.query().select(diesel::dsl::count(dsl::user_id).aggregate_distinct());
    without_table_scan(conn, |conn| Ok(Uncached(users).get_result(conn)?))
}

/// How many sessions are active.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn count_active(conn: &mut DbConnection) -> Result<i64, Error> {
    Ok(sessions::table.filter(active(now())).count().get_result(conn)?)
}

/// How many active sessions each of these users has, by user id; users without any are omitted.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn count_active_of(conn: &mut DbConnection, users: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let counts: Vec<(i64, i64)> = sessions::table
        .filter(dsl::user_id.eq_any(users))
        .filter(active(now()))
        .group_by(dsl::user_id)
        .select((dsl::user_id, diesel::dsl::count_star()))
        .load(conn)?;
    Ok(counts.into_iter().collect())
}
