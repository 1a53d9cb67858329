//! Entries of the security log as administrators read them: with names in place of numbers.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use diesel::prelude::*;

use crate::{
    db::{
        DbConnection,
        schema::{sessions, users},
    },
    error::Error,
    events::{Kind, Stored},
    sessions::catalogue::device::{self, Device},
    web::Moment,
};

/// One entry.
pub struct EventRow {
    pub id: i64,
    pub at: Moment,
    /// "Signed in"
    pub what: String,
    /// Whom it happened to; none where nobody is known, such as a sign-in with an unknown address.
    pub person: Option<Person>,
    /// Who did it.
    pub actor: Option<Person>,
    /// Whether somebody else did it, or the system.
    pub by_other: bool,
    pub ip: String,
    /// "Firefox 140 on Linux"; empty where the entry has none.
    pub device: String,
    /// The session, while it has a page.
    pub session: Option<String>,
    pub detail: Option<String>,
}

/// Somebody in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The number, which stays in the log when the account goes.
    pub id: i64,
    /// Name and address; none: the account is gone.
    pub account: Option<(String, String)>,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some((name, email)) => write!(f, "{name} ({email})"),
            None => write!(f, "user {}, since deleted", self.id),
        }
    }
}

/// Names and addresses by number, found in one query.
pub struct People(HashMap<i64, (String, String)>);

impl People {
    /// Those of the numbers that still have an account.
    pub fn find(conn: &mut DbConnection, ids: impl IntoIterator<Item = i64>) -> Result<Self, Error> {
        let ids: HashSet<i64> = ids.into_iter().collect();
        let found = users::table.filter(users::id.eq_any(ids)).select((users::id, users::name, users::email));
        let found: Vec<(i64, String, String)> = found.load(conn)?;
        Ok(Self(found.into_iter().map(|(id, name, email)| (id, (name, email))).collect()))
    }

    /// Those whom entries are about and who did them.
    pub fn of(conn: &mut DbConnection, events: &[Stored]) -> Result<Self, Error> {
        Self::find(conn, events.iter().flat_map(|event| [event.user_id, event.actor_id]).flatten())
    }

    /// The person with that number.
    pub fn get(&self, id: Option<i64>) -> Option<Person> {
        id.map(|id| Person { id, account: self.0.get(&id).cloned() })
    }
}

/// The rows of these entries, in their order.
pub fn event_rows(conn: &mut DbConnection, events: Vec<Stored>) -> Result<Vec<EventRow>, Error> {
    let people = People::of(conn, &events)?;
    let named: HashSet<&str> = events.iter().filter_map(|event| event.session_id.as_deref()).collect();
    let there = sessions::table.filter(sessions::id.eq_any(named)).select(sessions::id);
    let there: HashSet<String> = there.load(conn)?.into_iter().collect();
    Ok(events.into_iter().map(|event| row(event, &people, &there)).collect())
}

fn row(event: Stored, people: &People, sessions: &HashSet<String>) -> EventRow {
    let device = event.user_agent.as_deref().map(Device::parse);
    EventRow {
        id: event.id,
        at: Moment::new(event.at),
        what: Kind::sentence(&event.kind).to_owned(),
        detail: event.readable_detail(),
        by_other: event.user_id.is_some() && event.actor_id != event.user_id,
        person: people.get(event.user_id),
        actor: people.get(event.actor_id),
        ip: event.ip.unwrap_or_default(),
        device: device
            .map(|device| device::describe(&device.browser, &device.browser_version, &device.os))
            .unwrap_or_default(),
        session: event.session_id.filter(|id| sessions.contains(id)),
    }
}
