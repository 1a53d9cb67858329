//! Entries of the security log as administrators read them: with names in place of numbers.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use crate::{
    db::DbConnection,
    error::Error,
    events::StoredEvent,
    layout::log_entry::readable_detail,
    sessions::catalogue::{device, list::existing},
    users::list::names_and_addresses,
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
        Ok(Self(names_and_addresses(conn, ids)?))
    }

    /// Those whom entries are about and who did them.
    pub fn of(conn: &mut DbConnection, events: &[StoredEvent]) -> Result<Self, Error> {
        Self::find(conn, events.iter().flat_map(|event| [event.user_id, event.actor_id]).flatten())
    }

    /// The person with that number.
    pub fn get(&self, id: Option<i64>) -> Option<Person> {
        id.map(|id| Person { id, account: self.0.get(&id).cloned() })
    }
}

/// The rows of these entries, in their order.
pub fn event_rows(conn: &mut DbConnection, events: Vec<StoredEvent>) -> Result<Vec<EventRow>, Error> {
    let people = People::of(conn, &events)?;
    let named: HashSet<&str> = events.iter().filter_map(|event| event.session_id.as_deref()).collect();
    let sessions = existing(conn, named)?;
    Ok(events.into_iter().map(|event| row(event, &people, &sessions)).collect())
}

fn row(event: StoredEvent, people: &People, sessions: &HashSet<String>) -> EventRow {
    let device = event.user_agent.as_deref().map(device::describe_user_agent);
    EventRow {
        id: event.id,
        at: Moment::new(event.at),
        what: event.kind.sentence().to_owned(),
        detail: readable_detail(&event),
        by_other: event.user_id.is_some() && event.actor_id != event.user_id,
        person: people.get(event.user_id),
        actor: people.get(event.actor_id),
        ip: event.ip.unwrap_or_default(),
        device: device.unwrap_or_default(),
        session: event.session_id.filter(|id| sessions.contains(id)),
    }
}
