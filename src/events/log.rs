//! Reading the security log: newest first, narrowed, in pages that begin after an entry.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use ipnet::IpNet;
use time::PrimitiveDateTime;

use super::{Kind, Stored};
use crate::{
    db::{
        DbConnection, Fresh, named,
        schema::{events, users},
    },
    error::Error,
    security::ip_key,
    web::FieldErrors,
};

/// What the log is narrowed to; the default is all of it.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What happened.
    pub kind: Option<Kind>,
    /// Whom it happened to.
    pub person: Option<Whom>,
    /// Where from: a network, or a single address as the network of just that one.
    pub network: Option<IpNet>,
    /// Not before.
    pub from: Option<PrimitiveDateTime>,
    /// Before.
    pub until: Option<PrimitiveDateTime>,
}

/// Whom an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Accounts with this in their name or address, in any case.
    Named(String),
    /// The account with this number, also once it is gone.
    Number(i64),
}

type Boxed<'a> =
    diesel::helper_types::IntoBoxed<'a, events::table, <DbConnection as diesel::Connection>::Backend>;

impl Filter {
    /// Everything about one account.
    pub fn of_user(id: i64) -> Self {
        Self { person: Some(Whom::Number(id)), ..Self::default() }
    }

    fn query(&self) -> Boxed<'_> {
        let mut query = events::table.into_boxed();
        if let Some(kind) = self.kind {
            query = query.filter(events::kind.eq(kind.name()));
        }
        match &self.person {
            None => {}
            Some(Whom::Number(id)) => query = query.filter(events::user_id.eq(*id)),
            Some(Whom::Named(part)) => {
                let found = users::table.filter(named(users::name, users::email_key, part.to_lowercase()));
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

/// Reads where a page starts, which is an entry's number; one that can't be is a mistake of the whole form.
pub fn cursor(after: &str, errors: &mut FieldErrors) -> Option<i64> {
    let id = after.parse().ok().filter(|id| *id > 0);
    if !after.is_empty() && id.is_none() {
        errors.add_form("This page of the list doesn't exist. Start from the first page.");
    }
    id
}

/// The entries that match, newest first, at most `limit` of those before the entry with the number `before`.
pub fn page(
    conn: &mut DbConnection,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut query = filter.query();
    if let Some(id) = before {
        query = query.filter(events::id.lt(id));
    }
    Ok(Fresh(query.order(events::id.desc()).limit(limit)).load(conn)?)
}

/// The same where few match in all: those are found first and then sorted. For a time long past that is quicker than
/// going back to it from the newest entry, which is how a database finds the last few of a list in order.
pub fn page_of_few(
    conn: &mut DbConnection,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let query = filter.query().filter(events::id.lt(before.unwrap_or(i64::MAX)));
    // No index has the entries in this order.
    Ok(Fresh(query.order(sql::<BigInt>("events.id + 0").desc()).limit(limit)).load(conn)?)
}

/// How many match, or `None` when there are more than `most`: nobody counts a long log to its end.
pub fn count(conn: &mut DbConnection, filter: &Filter, most: i64) -> Result<Option<i64>, Error> {
    let beyond: Option<i64> =
        Fresh(filter.query().select(events::id).offset(most).limit(1)).get_result(conn).optional()?;
    match beyond {
        Some(_) => Ok(None),
        None => Ok(Some(Fresh(filter.query().count()).get_result(conn)?)),
    }
}
