//! Lists of sessions: one filter for the administrator's page, for what is ended by it and for the command line.

use std::{fmt, time::Duration};

use diesel::prelude::*;
use ipnet::IpNet;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::time_duration;
use crate::{
    accounts::Role,
    db::{
        DbConnection, lower, now,
        schema::{
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    security::ip_key,
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
}

/// The order of a list, newest first. Ended sessions come in the order of their ends, whatever is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By last activity.
    #[default]
    Seen,
    /// By sign-in.
    Started,
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

/// Where a page of the list starts: after this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    at: PrimitiveDateTime,
    id: String,
}

impl Cursor {
    /// The place right after a session of a list in that order.
    pub fn after(session: &Listed, sort: Sort) -> Self {
        let at = match (session.ended_at, sort) {
            (Some(ended_at), _) => ended_at,
            (None, Sort::Seen) => session.last_seen_at,
            (None, Sort::Started) => session.created_at,
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
fn is_session_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.assume_utc().unix_timestamp_nanos() / 1_000;
        write!(f, "{micros}.{}", self.id)
    }
}

type Boxed<'a> = diesel::helper_types::IntoBoxed<
    'a,
    diesel::helper_types::InnerJoin<sessions::table, users::table>,
    <DbConnection as Connection>::Backend,
>;

impl Filter {
    /// The sessions that match, in no order yet.
    fn query(&self) -> Boxed<'_> {
        let at = now();
        let ago = |duration: Duration| at.saturating_sub(time_duration(duration));
        let mut query = sessions::table.inner_join(users::table).into_boxed();
        query = if self.ended {
            query.filter(dsl::ended_at.is_not_null())
        } else {
            query
                .filter(dsl::ended_at.is_null())
                .filter(dsl::store_key.is_not_null())
                .filter(dsl::expires_at.gt(at))
        };
        if let Some(person) = &self.person {
            let pattern = contains(&person.to_lowercase());
            let name = lower(users::name).like(pattern.clone()).escape('!');
            query = query.filter(name.or(users::email_key.like(pattern).escape('!')));
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
            query = query.filter(users::role.eq(role.name()));
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
        query
    }
}

/// A `LIKE` pattern for texts that contain this one.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The active sessions of one user, newest activity first.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<Listed>, Error> {
    let active = Filter::default();
    Ok(active
        .query()
        .filter(dsl::user_id.eq(user))
        .order((dsl::last_seen_at.desc(), dsl::id.desc()))
        .select(listed!())
        .load(conn)?)
}

/// The sessions that match, in that order, at most `limit` after the cursor.
pub fn page(
    conn: &mut DbConnection,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Listed>, Error> {
    macro_rules! ordered {
        ($column:expr) => {{
            let mut query = filter.query();
            if let Some(Cursor { at, id }) = after {
                query = query.filter($column.lt(*at).or($column.eq(*at).and(dsl::id.lt(id))));
            }
            query.order(($column.desc(), dsl::id.desc()))
        }};
    }
    let query = match (filter.ended, sort) {
        (true, _) => ordered!(dsl::ended_at.assume_not_null()),
        (false, Sort::Seen) => ordered!(dsl::last_seen_at),
        (false, Sort::Started) => ordered!(dsl::created_at),
    };
    Ok(query.limit(limit).select(listed!()).load(conn)?)
}

/// How many sessions match.
pub fn count(conn: &mut DbConnection, filter: &Filter) -> Result<i64, Error> {
    Ok(filter.query().count().get_result(conn)?)
}

/// How many match but the given one, and of how many people.
pub fn count_but(conn: &mut DbConnection, filter: &Filter, but: &str) -> Result<(i64, i64), Error> {
    let sessions = filter.query().filter(dsl::id.ne(but)).count().get_result(conn)?;
    let people = filter.query().filter(dsl::id.ne(but));
    let people = people.select(diesel::dsl::count(dsl::user_id).aggregate_distinct()).get_result(conn)?;
    Ok((sessions, people))
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

    #[test]
    fn a_pattern_takes_its_text_literally() {
        assert_eq!(contains("50%_of!"), "%50!%!_of!!%");
    }

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
