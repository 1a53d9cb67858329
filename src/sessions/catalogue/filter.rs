//! What a list of sessions is narrowed to, and its order.

use std::time::Duration;

use diesel::prelude::*;
use ipnet::IpNet;
use time::PrimitiveDateTime;

use super::{cursor::Cursor, predicates::active};
use crate::{
    clock::now,
    db::{
        DbConnection, Uncached, lower, matches_person,
        schema::{
            sessions::{self, dsl},
            users,
        },
        strpos,
    },
    error::Error,
    security::ip_key,
    sessions::duration::time_duration,
    users::Role,
};

/// What a list is narrowed to; the default is all active sessions.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of a name or address, in any case.
    pub person: Option<String>,
    /// One user's.
    pub user: Option<i64>,
    /// These users', in place of [`Filter::person`]; see [`Filter::resolve_people`].
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
pub struct ListQuery {
    /// What it is narrowed to.
    pub filter: Filter,
    /// Its order.
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

pub(super) type Backend = <DbConnection as Connection>::Backend;

pub(super) type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, sessions::table, Backend>;

/// Up to so many users, finding sessions by user is quicker than walking the list.
const FEW: usize = 500;

impl Filter {
    /// The filter with the matching users looked up, if they are few: then their sessions are found by user. If they are many,
    /// walking the list soon finds enough of their sessions. The planner can only guess which case it is, and would walk all
    /// sessions when it guesses wrong.
    pub fn resolve_people(mut self, conn: &mut DbConnection) -> Result<Self, Error> {
        if let Some(person) = &self.person {
            let people =
                users::table.filter(matches_person(users::name, users::email_key, person.to_lowercase()));
            let ids: Vec<i64> = Uncached(people.select(users::id).limit(FEW as i64 + 1)).load(conn)?;
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
    pub(super) fn query(&self) -> Boxed<'_> {
        let at = now();
        let mut query = sessions::table.into_boxed();
        query = if self.ended { query.filter(dsl::ended_at.is_not_null()) } else { query.filter(active(at)) };
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
            query = query.filter(dsl::role.eq(role));
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
    pub(super) fn order(&self, sort: Sort) -> Order {
        match (sort, self.older_than, self.idle_over) {
            (Sort::Started, ..) => Order::Started,
            (Sort::Seen, ..) if !self.ended => Order::Seen,
            (Sort::Seen, None, None) => Order::Ended,
            (Sort::Seen, older_than, idle_over) if older_than > idle_over => Order::Started,
            _ => Order::Seen,
        }
    }

    /// The same in the order of a list, after the cursor.
    pub(super) fn ordered<'a>(&'a self, order: Order, after: Option<&'a Cursor>) -> Boxed<'a> {
        macro_rules! by {
            ($column:expr) => {{
                let mut query = self.query();
                // What was not seen for so long did not begin since: the order of the sign-ins starts there.
                if let (Order::Started, Some(idle)) = (order, self.idle_over) {
                    query = query.filter(dsl::created_at.le(ago(idle)));
                }
                if let Some(cursor) = after {
                    let (at, id) = (cursor.at(), cursor.id());
                    // The first condition is the position in the index; the second separates sessions of the same time.
                    query = query.filter($column.le(at)).filter($column.lt(at).or(dsl::id.lt(id)));
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn network_is_a_range_of_ip_keys(network in any::<u32>(), prefix in 0u8..=32, other in any::<u32>()) {
            let net = IpNet::new(std::net::Ipv4Addr::from(network).into(), prefix).unwrap();
            let ip = IpAddr::from(std::net::Ipv4Addr::from(other));
            let range = ip_key(net.network())..=ip_key(net.broadcast());
            prop_assert_eq!(range.contains(&ip_key(ip)), net.contains(&ip));
        }
    }
}
