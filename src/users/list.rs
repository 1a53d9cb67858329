//! Lists of accounts: one filter for the administrator's page and for the command line.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    role::Role,
    tokens::{self, TokenPurpose},
    user::User,
};
use crate::{
    db::{
        CountRows, DbConnection, Uncached, matches_person,
        schema::{tokens as links, users},
    },
    error::Error,
};

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// With a password of their own.
    Active,
    /// Once they have chosen a password with their invitation.
    Invited,
    /// Not until an administrator says so.
    Deactivated,
}

impl State {
    /// The name in forms and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Deactivated => "deactivated",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Invited, Self::Deactivated].into_iter().find(|state| state.name() == name)
    }

    fn of(active: bool, invited: bool) -> Self {
        match (active, invited) {
            (false, _) => Self::Deactivated,
            (true, true) => Self::Invited,
            (true, false) => Self::Active,
        }
    }
}

/// What a list is narrowed to; the default is everyone.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of a name or address, in any case.
    pub person: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub state: Option<State>,
}

/// An account as lists show it.
#[derive(Debug, Clone)]
pub struct UserSummary {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub state: State,
    pub created_at: PrimitiveDateTime,
    pub last_login_at: Option<PrimitiveDateTime>,
}

type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, users::table, <DbConnection as Connection>::Backend>;

impl Filter {
    /// The accounts that match, in no order yet.
    fn query(&self) -> Boxed<'_> {
        let mut query = users::table.into_boxed();
        if let Some(person) = &self.person {
            query = query.filter(matches_person(users::name, users::email_key, person.to_lowercase()));
        }
        if let Some(role) = self.role {
            query = query.filter(users::role.eq(role));
        }
        let invited = links::table
            .filter(links::purpose.eq(TokenPurpose::Invite))
            .select(links::user_id.assume_not_null());
        match self.state {
            None => query,
            Some(State::Deactivated) => query.filter(users::active.eq(false)),
            Some(State::Invited) => query.filter(users::active).filter(users::id.eq_any(invited)),
            Some(State::Active) => query.filter(users::active).filter(users::id.ne_all(invited)),
        }
    }
}

/// The accounts that match, newest first, at most `limit` of those that are older than `after`.
pub fn page(
    conn: &mut DbConnection,
    filter: &Filter,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<UserSummary>, Error> {
    let mut query = filter.query();
    if let Some(after) = after {
        query = query.filter(users::id.lt(after));
    }
    let found: Vec<User> = Uncached(query.order(users::id.desc()).limit(limit)).load(conn)?;
    with_details(conn, found)
}

/// One account.
///
/// # Errors
/// [`Error::NotFound`] when there is none with that id.
pub fn one(conn: &mut DbConnection, id: i64) -> Result<UserSummary, Error> {
    let user = User::by_id(conn, id)?;
    with_details(conn, vec![user])?.pop().ok_or(Error::NotFound)
}

/// How many match, counted no further than `most`.
pub fn count(conn: &mut DbConnection, filter: &Filter, most: i64) -> Result<i64, Error> {
    Ok(CountRows(filter.query().select(users::id).limit(most)).get_result(conn)?)
}

/// What lists show of these accounts beyond their rows, in two queries for all of them.
fn with_details(conn: &mut DbConnection, found: Vec<User>) -> Result<Vec<UserSummary>, Error> {
    let ids: Vec<i64> = found.iter().map(|user| user.id).collect();
    let invited: HashSet<i64> = tokens::invited(conn, &ids)?.into_iter().collect();
    let person = |user: User| UserSummary {
        id: user.id,
        state: State::of(user.active, invited.contains(&user.id)),
        role: user.role,
        name: user.name,
        email: user.email,
        created_at: user.created_at,
        last_login_at: user.last_login_at,
    };
    Ok(found.into_iter().map(person).collect())
}

/// The names of these users; deleted ones are left out.
pub fn names(conn: &mut DbConnection, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let rows: Vec<(i64, String)> =
        users::table.filter(users::id.eq_any(ids)).select((users::id, users::name)).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// The names and addresses of these users; deleted ones are left out.
pub fn names_and_addresses(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, (String, String)>, Error> {
    let ids: HashSet<i64> = ids.into_iter().collect();
    let found = users::table.filter(users::id.eq_any(ids)).select((users::id, users::name, users::email));
    let rows: Vec<(i64, String, String)> = found.load(conn)?;
    Ok(rows.into_iter().map(|(id, name, email)| (id, (name, email))).collect())
}
