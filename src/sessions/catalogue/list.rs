//! Lists of sessions: one filter for the administrator's page, for what is ended by it and for the command line.

use std::{fmt, time::Duration};

use diesel::{dsl::case_when, prelude::*, sql_query, sql_types::Bool};
use ipnet::IpNet;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{
    db::{
        DbConnection, Fresh, Rows, lower, named, now,
        schema::{
            sessions::{self, dsl},
            users,
        },
        strpos, transaction,
    },
    error::Error,
    security::ip_key,
    sessions::service::time_duration,
    users::Role,
};

/// A session with its user, as lists show it.
#[derive(Debug, Clone, Queryable)]
pub struct Listed {
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
    pub device: String,
    pub store_key: Option<String>,
    pub state: Option<String>,
    pub ended_at: Option<PrimitiveDateTime>,
    pub end_reason: Option<String>,
    pub end_note: Option<String>,
    pub ended_by: Option<i64>,
    pub name: String,
    pub email: String,
    pub role: String,
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

/// What a list is narrowed to; the default is all active sessions.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of a name or address, in any case.
    pub person: Option<String>,
    /// One user's.
    pub user: Option<i64>,
    /// These users', in place of [`Filter::person`]; see [`Filter::found`].
    pub users: Option<Vec<i64>>,
    /// The first of those whom [`Filter::person`] means, if they are many.
    pub first_users: Option<Vec<i64>>,
    /// A network, or a single address as the network of just that one.
    pub network: Option<IpNet>,
    /// "Firefox", in any case.
    pub browser: Option<String>,
    /// "Linux", in any case.
    pub os: Option<String>,
    /// The user's role.
    pub role: Option<Role>,
    /// With or without "remember me".
    pub remembered: Option<bool>,
    /// Began at least so long ago.
    pub older_than: Option<Duration>,
    /// Not seen for so long.
    pub idle_over: Option<Duration>,
    /// Ended sessions instead of active ones.
    pub ended: bool,
    /// Of these alone: public session ids.
    pub ids: Option<Vec<String>>,
    /// All but this one: a public session id.
    pub but: Option<String>,
    /// Began by then.
    pub started_by: Option<PrimitiveDateTime>,
}

/// The order that was asked for, newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By last activity; ended sessions by their end.
    #[default]
    Seen,
    /// By sign-in.
    Started,
}

/// The order that a list has, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By last activity.
    Seen,
    /// By sign-in.
    Started,
    /// By end.
    Ended,
}

/// A list that was asked for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What it is narrowed to.
    pub filter: Filter,
    /// Its order.
    pub sort: Sort,
    /// Where the page starts.
    pub after: Option<Cursor>,
}

impl Wanted {
    /// The order of the list.
    pub fn order(&self) -> Order {
        self.filter.order(self.sort)
    }
}

/// Where a page of the list starts: after this session.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Cursor {
    at: PrimitiveDateTime,
    id: String,
}

impl Cursor {
    /// The public id of the session.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The place right after a session of a list in that order.
    pub fn after(session: &Listed, order: Order) -> Self {
        let at = match order {
            Order::Seen => session.last_seen_at,
            Order::Started => session.created_at,
            Order::Ended => session.ended_at.unwrap_or(session.last_seen_at),
        };
        Self { at, id: session.id.clone() }
    }

    /// Reads what [`Cursor`]'s `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        let micros = micros.parse::<i64>().ok().filter(|micros| (0..YEAR_10000).contains(micros))?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
        let at = PrimitiveDateTime::new(at.date(), at.time());
        is_session_id(id).then(|| Self { at, id: id.to_owned() })
    }
}

/// Microseconds since 1970: both databases have times up to there.
const YEAR_10000: i64 = 253_402_300_800_000_000;

/// Whether a text from an address may be a session id; Postgres takes no text with a NUL byte.
pub fn is_session_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.assume_utc().unix_timestamp_nanos() / 1_000;
        write!(f, "{micros}.{}", self.id)
    }
}

type Backend = <DbConnection as Connection>::Backend;
type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, sessions::table, Backend>;

/// So many people are few: their sessions are found quicker than by going through a list for them.
const FEW: usize = 500;

impl Filter {
    /// The same with the people who were looked for, if they are few: their sessions are found by them. If they are many, a
    /// list that is gone through soon meets enough of their sessions. A planner has only a guess of which it is, and goes
    /// through all sessions there are where it takes nobody for somebody.
    pub fn found(mut self, conn: &mut DbConnection) -> Result<Self, Error> {
        if let Some(person) = &self.person {
            let people = users::table.filter(named(users::name, users::email_key, person.to_lowercase()));
            let ids: Vec<i64> = Fresh(people.select(users::id).limit(FEW as i64 + 1)).load(conn)?;
            if ids.len() <= FEW {
                self.person = None;
                self.users = Some(ids);
            } else {
                self.first_users = Some(ids);
            }
        }
        Ok(self)
    }

    /// The sessions that match, in no order yet.
    fn query(&self) -> Boxed<'_> {
        let at = now();
        let mut query = sessions::table.into_boxed();
        query = if self.ended {
            query.filter(dsl::ended_at.is_not_null())
        } else {
            // Nearly all that have not ended. As a plain comparison Postgres would take it for rare, as it is among those that
            // have, and look for them by it.
            let unexpired = case_when(dsl::expires_at.gt(at), true.into_sql::<Bool>())
                .otherwise(false.into_sql::<Bool>());
            query.filter(dsl::ended_at.is_null()).filter(dsl::store_key.is_not_null()).filter(unexpired)
        };
        if let Some(person) = &self.person {
            query = query.filter(strpos(dsl::person, person.to_lowercase()).ne(0));
        }
        if let Some(user) = self.user {
            query = query.filter(dsl::user_id.eq(user));
        }
        if let Some(users) = &self.users {
            query = query.filter(dsl::user_id.eq_any(users));
        }
        if let Some(network) = &self.network {
            query = query.filter(dsl::ip_key.between(ip_key(network.network()), ip_key(network.broadcast())));
        }
        if let Some(browser) = &self.browser {
            query = query.filter(lower(dsl::browser).eq(browser.to_lowercase()));
        }
        if let Some(os) = &self.os {
            query = query.filter(lower(dsl::os).eq(os.to_lowercase()));
        }
        if let Some(role) = self.role {
            query = query.filter(dsl::role.eq(role.name()));
        }
        if let Some(remembered) = self.remembered {
            query = query.filter(dsl::remembered.eq(remembered));
        }
        if let Some(age) = self.older_than {
            query = query.filter(dsl::created_at.le(ago(age)));
        }
        if let Some(idle) = self.idle_over {
            query = query.filter(dsl::last_seen_at.le(ago(idle)));
        }
        if let Some(ids) = &self.ids {
            query = query.filter(dsl::id.eq_any(ids));
        }
        if let Some(but) = &self.but {
            query = query.filter(dsl::id.ne(but));
        }
        if let Some(started_by) = self.started_by {
            query = query.filter(dsl::created_at.le(started_by));
        }
        query
    }

    /// Ended sessions of a certain age come in the order of that age, because in the order of their ends all that are
    /// younger come first.
    fn order(&self, sort: Sort) -> Order {
        match (sort, self.older_than, self.idle_over) {
            (Sort::Started, ..) => Order::Started,
            (Sort::Seen, ..) if !self.ended => Order::Seen,
            (Sort::Seen, None, None) => Order::Ended,
            (Sort::Seen, older_than, idle_over) if older_than > idle_over => Order::Started,
            _ => Order::Seen,
        }
    }

    /// The same in the order of a list, after the cursor.
    fn ordered<'a>(&'a self, order: Order, after: Option<&'a Cursor>) -> Boxed<'a> {
        macro_rules! by {
            ($column:expr) => {{
                let mut query = self.query();
                // What was not seen for so long did not begin since: the order of the sign-ins starts there.
                if let (Order::Started, Some(idle)) = (order, self.idle_over) {
                    query = query.filter(dsl::created_at.le(ago(idle)));
                }
                if let Some(Cursor { at, id }) = after {
                    // The first condition is the place in the index; the second parts those of the same time.
                    query = query.filter($column.le(*at)).filter($column.lt(*at).or(dsl::id.lt(id)));
                }
                query.order(($column.desc(), dsl::id.desc()))
            }};
        }
        match order {
            Order::Seen => by!(dsl::last_seen_at),
            Order::Started => by!(dsl::created_at),
            Order::Ended => by!(dsl::ended_at.assume_not_null()),
        }
    }
}

fn ago(duration: Duration) -> PrimitiveDateTime {
    now().saturating_sub(time_duration(duration))
}

/// The active sessions of one user, newest activity first.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<Listed>, Error> {
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
pub fn places(
    conn: &mut DbConnection,
    filter: &Filter,
    order: Order,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Cursor>, Error> {
    macro_rules! by {
        ($column:expr) => {
            Fresh(filter.ordered(order, after).limit(limit).select(($column, dsl::id))).load(conn)?
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
pub fn at(conn: &mut DbConnection, filter: &Filter, places: &[Cursor]) -> Result<Vec<Listed>, Error> {
    let ids: Vec<&str> = places.iter().map(Cursor::id).collect();
    let rows = filter.query().filter(dsl::id.eq_any(&ids)).inner_join(users::table);
    let mut rows: Vec<Listed> = rows.select(listed!()).load(conn)?;
    rows.sort_by_cached_key(|session| ids.iter().position(|id| *id == session.id));
    Ok(rows)
}

/// How many sessions match.
pub fn count(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    by_indexes(conn, |conn| Ok(Fresh(filter.query().count()).get_result(conn)?))
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
            Rows(filter.query().order($column).select(dsl::id).limit(most)).get_result(conn)?
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
pub fn people(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    let people = filter.query().select(diesel::dsl::count(dsl::user_id).aggregate_distinct());
    by_indexes(conn, |conn| Ok(Fresh(people).get_result(conn)?))
}

/// One session, active or ended.
pub fn by_id(conn: &mut DbConnection, id: &str) -> Result<Listed, Error> {
    if !is_session_id(id) {
        return Err(Error::NotFound);
    }
    Ok(sessions::table.inner_join(users::table).filter(dsl::id.eq(id)).select(listed!()).first(conn)?)
}

/// These sessions, in no order; ids that are none are left out.
pub fn by_ids(conn: &mut DbConnection, ids: &[String]) -> Result<Vec<Listed>, Error> {
    Ok(sessions::table.inner_join(users::table).filter(dsl::id.eq_any(ids)).select(listed!()).load(conn)?)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(micros in 0i64..4_102_444_800_000_000, id in "[A-Za-z0-9_-]{22}") {
            let text = format!("{micros}.{id}");
            prop_assert_eq!(Cursor::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_a_cursor_or_not_but_never_a_panic(text in ".{0,80}") {
            let _ = Cursor::parse(&text);
        }

        #[test]
        fn a_network_is_a_range_of_keys(network in any::<u32>(), prefix in 0u8..=32, other in any::<u32>()) {
            let net = IpNet::new(std::net::Ipv4Addr::from(network).into(), prefix).unwrap();
            let ip = IpAddr::from(std::net::Ipv4Addr::from(other));
            let range = ip_key(net.network())..=ip_key(net.broadcast());
            prop_assert_eq!(range.contains(&ip_key(ip)), net.contains(&ip));
        }
    }
}
