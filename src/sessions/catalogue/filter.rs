//! The filter of a list of sessions, and its order.

use std::time::Duration;

use diesel::prelude::*;
use ipnet::IpNet;
use time::PrimitiveDateTime;

use super::{
    cursor::Cursor,
    device::DeviceKind,
    device_names::{self, DeviceColumn},
    method::Method,
    predicates::active,
};
use crate::{
    clock::now,
    db::{
        DbConnection, Uncached, matches_person,
        schema::{
            sessions::{self, dsl},
            users,
        },
        strpos,
    },
    error::Error,
    security::ip_key,
    sessions::duration::time_duration,
    text::SearchKey,
    users::Role,
};

/// The conditions that listed sessions satisfy; the default is all active sessions.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the user's name or address, in any case.
    pub person: Option<SearchKey>,
    /// The user's id.
    pub user: Option<i64>,
    /// The ids of the users, in place of [`Filter::person`]; see [`Filter::resolve`].
    pub users: Option<Vec<i64>>,
    /// The ids of the first users that match [`Filter::person`], if there are many.
    pub first_users: Option<Vec<i64>>,
    /// A network, or a single address as the network of just that one.
    pub network: Option<IpNet>,
    /// The browser's name: "Firefox"; in any case until [`Filter::resolve`] has looked it up.
    pub browser: Option<String>,
    /// The operating system: "Linux"; in any case until [`Filter::resolve`] has looked it up.
    pub os: Option<String>,
    /// Browsers, in place of [`Filter::browser`], unless it is just one.
    pub browsers: Option<Vec<String>>,
    /// Operating systems, in place of [`Filter::os`], unless it is just one.
    pub systems: Option<Vec<String>>,
    /// The kind of device.
    pub device: Option<DeviceKind>,
    /// The user's role.
    pub role: Option<Role>,
    /// Whether "remember me" was ticked.
    pub remembered: Option<bool>,
    /// Whether it is bound to its device.
    pub bound: Option<bool>,
    /// How it was signed in.
    pub method: Option<Method>,
    /// Started at least this long ago.
    pub older_than: Option<Duration>,
    /// Not used for at least this long.
    pub idle_over: Option<Duration>,
    /// Ended sessions instead of active ones.
    pub ended: bool,
    /// Only these public session ids.
    pub ids: Option<Vec<String>>,
    /// All except this public session id.
    pub except: Option<String>,
    /// Started at this time or earlier.
    pub started_by: Option<PrimitiveDateTime>,
}

/// The order that the client chose, newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By last use; ended sessions by their end.
    #[default]
    Seen,
    /// By sign-in.
    Started,
}

/// The order of a list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By last use.
    Seen,
    /// By sign-in.
    Started,
    /// By end.
    Ended,
}

/// Which list, and in which order.
#[derive(Debug, Default)]
pub struct ListQuery {
    /// The conditions that listed sessions satisfy.
    pub filter: Filter,
    /// The chosen order.
    pub sort: Sort,
    /// Where the page starts.
    pub after: Option<Cursor>,
}

impl ListQuery {
    /// The order of the list.
    pub fn order(&self) -> Order {
        self.filter.order(self.sort)
    }
}

/// A query over sessions whose conditions are known at run time only.
pub(super) type SessionsQuery<'a> =
    diesel::helper_types::IntoBoxed<'a, sessions::table, <DbConnection as Connection>::Backend>;

/// Up to this many users, finding their sessions by user is quicker than searching a list for them.
const MAX_RESOLVED_USERS: usize = 500;

impl Filter {
    /// The same filter with what its texts mean looked up: users, and the browsers and systems in use. The database would compare
    /// texts by the rules of its locale.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub fn resolve(mut self, conn: &mut DbConnection) -> Result<Self, Error> {
        if let Some(browser) = self.browser.take() {
            let names = device_names::matching(conn, DeviceColumn::Browser, self.ended, &browser)?;
            (self.browser, self.browsers) = one_or_several(names);
        }
        if let Some(os) = self.os.take() {
            let names = device_names::matching(conn, DeviceColumn::Os, self.ended, &os)?;
            (self.os, self.systems) = one_or_several(names);
        }
        self.resolve_people(conn)
    }

    /// Whether the filter is for a person whom nobody's name or address fits; known once it is resolved.
    pub fn is_for_nobody(&self) -> bool {
        self.users.as_ref().is_some_and(Vec::is_empty)
    }

    /// The same filter with the users that match [`Filter::person`], if they are few: then their sessions are read by user. If
    /// they are many, reading a list in its order soon yields enough of their sessions. The planner can only guess which case
    /// it is, and would read all sessions where it expects matches and there are none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    fn resolve_people(mut self, conn: &mut DbConnection) -> Result<Self, Error> {
        if let Some(person) = &self.person {
            let matching = users::table.filter(matches_person(users::search_text, person.as_str()));
            let ids: Vec<i64> =
                Uncached(matching.select(users::id).limit(MAX_RESOLVED_USERS as i64 + 1)).load(conn)?;
            if ids.len() <= MAX_RESOLVED_USERS {
                self.person = None;
                self.users = Some(ids);
            } else {
                self.first_users = Some(ids);
            }
        }
        Ok(self)
    }

    /// The sessions that match, not ordered.
    pub(super) fn query(&self) -> SessionsQuery<'_> {
        let at = now();
        let mut query = sessions::table.into_boxed();
        query = if self.ended { query.filter(dsl::ended_at.is_not_null()) } else { query.filter(active(at)) };
        if let Some(person) = &self.person {
            query = query.filter(strpos(dsl::person, person.as_str()).ne(0));
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
        macro_rules! equal {
            ($($column:ident),+) => {
                $(if let Some(value) = &self.$column {
                    query = query.filter(dsl::$column.eq(value));
                })+
            };
        }
        equal!(browser, os, device, role, remembered, method);
        query = match self.bound {
            Some(true) => query.filter(dsl::bound_at.is_not_null()),
            Some(false) => query.filter(dsl::bound_at.is_null()),
            None => query,
        };
        if let Some(browsers) = &self.browsers {
            query = query.filter(dsl::browser.eq_any(browsers));
        }
        if let Some(systems) = &self.systems {
            query = query.filter(dsl::os.eq_any(systems));
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
        if let Some(except) = &self.except {
            query = query.filter(dsl::id.ne(except));
        }
        if let Some(started_by) = self.started_by {
            query = query.filter(dsl::created_at.le(started_by));
        }
        query
    }

    /// The order of the list. Ended sessions with a minimum age are listed in the order of that age: in the order of their ends,
    /// all younger sessions would come first.
    pub(super) fn order(&self, sort: Sort) -> Order {
        match sort {
            Sort::Started => Order::Started,
            Sort::Seen if !self.ended => Order::Seen,
            Sort::Seen => match (self.older_than, self.idle_over) {
                (None, None) => Order::Ended,
                (older_than, idle_over) if older_than > idle_over => Order::Started,
                _ => Order::Seen,
            },
        }
    }

    /// The sessions that match, in that order, after the cursor.
    pub(super) fn ordered<'a>(&'a self, order: Order, after: Option<&'a Cursor>) -> SessionsQuery<'a> {
        macro_rules! ordered_by {
            ($column:expr) => {{
                let mut query = self.query();
                // A session that was not used for so long started before that: the order of sign-ins can begin there.
                if let (Order::Started, Some(idle)) = (order, self.idle_over) {
                    query = query.filter(dsl::created_at.le(ago(idle)));
                }
                if let Some(cursor) = after {
                    let (at, id) = (cursor.at(), cursor.id());
                    // The first condition is the position in the index; the second separates sessions with the same time.
                    query = query.filter($column.le(at)).filter($column.lt(at).or(dsl::id.lt(id)));
                }
                query.order(($column.desc(), dsl::id.desc()))
            }};
        }
        match order {
            Order::Seen => ordered_by!(dsl::last_seen_at),
            Order::Started => ordered_by!(dsl::created_at),
            Order::Ended => ordered_by!(dsl::ended_at.assume_not_null()),
        }
    }
}

/// One name is compared with `=`, which keeps the order of the index.
fn one_or_several(mut names: Vec<String>) -> (Option<String>, Option<Vec<String>>) {
    if names.len() == 1 { (names.pop(), None) } else { (None, Some(names)) }
}

/// The time that lies so far in the past.
fn ago(duration: Duration) -> PrimitiveDateTime {
    now().saturating_sub(time_duration(duration))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn network_matches_its_range_of_keys(network in any::<u32>(), prefix in 0u8..=32, other in any::<u32>()) {
            let net = IpNet::new(std::net::Ipv4Addr::from(network).into(), prefix).unwrap();
            let ip = IpAddr::from(std::net::Ipv4Addr::from(other));
            let range = ip_key(net.network())..=ip_key(net.broadcast());
            prop_assert_eq!(range.contains(&ip_key(ip)), net.contains(&ip));
        }
    }
}
