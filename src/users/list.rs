//! Lists of users: one filter for the administrator's page and for the command line.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    name::ShownName,
    role::Role,
    tokens::{self, TokenPurpose},
    user::User,
};
use crate::{
    db::{
        CountRows, DbConnection, Uncached, matches_person,
        schema::{tokens as token_rows, users},
    },
    error::Error,
    text::SearchKey,
};

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Yes, with a password of their own.
    Active,
    /// Once they have chosen a password with the link of their invitation.
    Invited,
    /// No, until an administrator activates the account.
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

/// The filter of a list; the default matches every user.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of a name or address, in any case.
    pub person: Option<SearchKey>,
    /// Users with this role.
    pub role: Option<Role>,
    /// Users in this state.
    pub state: Option<State>,
    /// Users with a second factor, or without one.
    pub second_factor: Option<bool>,
}

/// A user as lists show them.
#[derive(Debug, Clone)]
pub struct UserSummary {
    /// The user's id.
    pub id: i64,
    /// The name.
    pub name: String,
    /// The address as typed.
    pub email: String,
    /// Whether it was proven that the address is the user's.
    pub email_confirmed: bool,
    /// The address that is to take its place once it is confirmed.
    pub pending_email: Option<String>,
    /// The user whose address this is another form of, if there is one.
    pub same_address_as: Option<i64>,
    /// Whether the password alone is not enough to sign in.
    pub second_factor: bool,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may sign in.
    pub state: State,
    /// When the account was created, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The last sign-in, in UTC; `None` if there was none.
    pub last_login_at: Option<PrimitiveDateTime>,
}

type BoxedQuery<'a> =
    diesel::helper_types::IntoBoxed<'a, users::table, <DbConnection as Connection>::Backend>;

impl Filter {
    /// The matching users, unordered.
    fn query(&self) -> BoxedQuery<'_> {
        let mut query = users::table.into_boxed();
        if let Some(person) = &self.person {
            query = query.filter(matches_person(users::search_text, person.as_str()));
        }
        if let Some(role) = self.role {
            query = query.filter(users::role.eq(role));
        }
        if let Some(second_factor) = self.second_factor {
            query = query.filter(users::second_factor.eq(second_factor));
        }
        let invited = token_rows::table
            .filter(token_rows::purpose.eq(TokenPurpose::Invite))
            .select(token_rows::user_id.assume_not_null());
        match self.state {
            None => query,
            Some(State::Deactivated) => query.filter(users::active.eq(false)),
            Some(State::Invited) => query.filter(users::active).filter(users::id.eq_any(invited)),
            Some(State::Active) => query.filter(users::active).filter(users::id.ne_all(invited)),
        }
    }
}

/// The matching users, newest first: at most `limit` of those with an id below `after`.
///
/// # Errors
/// [`Error`] when the database fails.
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
    let users: Vec<User> = Uncached(query.order(users::id.desc()).limit(limit)).load(conn)?;
    with_details(conn, users)
}

/// One user.
///
/// # Errors
/// [`Error::NotFound`] when there is no user with that id.
pub fn one(conn: &mut DbConnection, id: i64) -> Result<UserSummary, Error> {
    let user = User::by_id(conn, id)?;
    with_details(conn, vec![user])?.pop().ok_or(Error::NotFound)
}

/// How many users match; counting stops at `most`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn count(conn: &mut DbConnection, filter: &Filter, most: i64) -> Result<i64, Error> {
    Ok(CountRows(filter.query().select(users::id).limit(most)).get_result(conn)?)
}

/// These users with what lists show beyond their rows, in one query for all of them.
fn with_details(conn: &mut DbConnection, users: Vec<User>) -> Result<Vec<UserSummary>, Error> {
    let ids: Vec<i64> = users.iter().map(|user| user.id).collect();
    let invited: HashSet<i64> = tokens::invited(conn, &ids)?.into_iter().collect();
    let summary = |user: User| UserSummary {
        id: user.id,
        state: State::of(user.active, invited.contains(&user.id)),
        second_factor: user.second_factor,
        role: user.role,
        name: user.name,
        email: user.email,
        email_confirmed: user.email_confirmed_at.is_some(),
        pending_email: user.pending_email,
        same_address_as: user.same_address_as,
        created_at: user.created_at,
        last_login_at: user.last_login_at,
    };
    Ok(users.into_iter().map(summary).collect())
}

/// The names of these users by id; deleted users are left out.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn names(conn: &mut DbConnection, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let rows: Vec<(i64, ShownName)> =
        users::table.filter(users::id.eq_any(ids)).select((users::id, users::name)).load(conn)?;
    Ok(rows.into_iter().map(|(id, name)| (id, name.into())).collect())
}

/// The names and addresses of these users by id; deleted users are left out.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn names_and_addresses(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, (String, String)>, Error> {
    let ids: HashSet<i64> = ids.into_iter().collect();
    let query = users::table.filter(users::id.eq_any(ids)).select((users::id, users::name, users::email));
    let rows: Vec<(i64, ShownName, String)> = query.load(conn)?;
    Ok(rows.into_iter().map(|(id, name, email)| (id, (name.into(), email))).collect())
}
