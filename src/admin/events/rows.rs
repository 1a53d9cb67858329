//! Events of the security log as administrators read them: with the names of users in place of their ids.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use crate::{
    db::{Db, DbConnection},
    error::Error,
    events::{StoredEvent, log},
    layout::log_entry::{EventActor, readable_detail},
    sessions::catalogue::{
        device,
        list::{ListedSession, existing},
    },
    users::list::names_and_addresses,
    web::Moment,
};

/// One event.
pub struct EventRow {
    /// The event's id.
    pub id: i64,
    /// When it happened.
    pub at: Moment,
    /// "Signed in"
    pub sentence: String,
    /// The user whom it happened to; `None` where that is unknown, such as a sign-in with an unknown address.
    pub user: Option<EventUser>,
    /// The other user who did it.
    pub actor: Option<EventUser>,
    /// Who did it where it was neither the user nor another one; else empty.
    pub by: &'static str,
    /// The client's address; empty where the event has none.
    pub ip: String,
    /// "Firefox 140 on Linux"; empty where the event has none.
    pub device: String,
    /// The public session id, while the session has a page.
    pub session: Option<String>,
    /// More about it, such as why a session ended.
    pub detail: Option<String>,
    /// What only administrators read about it.
    pub note: Option<String>,
}

/// A user whom an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventUser {
    /// The user's id, which stays in the log after the account is deleted.
    pub id: i64,
    /// Name and address; `None`: the account has been deleted.
    pub account: Option<(String, String)>,
}

impl fmt::Display for EventUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some((name, email)) => write!(f, "{name} ({email})"),
            None => write!(f, "user {}, since deleted", self.id),
        }
    }
}

/// Names and addresses of users by id, read in one query.
pub(super) struct UserNames(HashMap<i64, (String, String)>);

impl UserNames {
    /// Those of the ids whose account still exists.
    fn find(conn: &mut DbConnection, ids: impl IntoIterator<Item = i64>) -> Result<Self, Error> {
        Ok(Self(names_and_addresses(conn, ids)?))
    }

    /// The users and actors of events.
    pub(super) fn of_events(conn: &mut DbConnection, events: &[StoredEvent]) -> Result<Self, Error> {
        Self::find(conn, events.iter().flat_map(|event| [event.user_id, event.actor_id]).flatten())
    }

    /// The user with that id.
    pub(super) fn get(&self, id: Option<i64>) -> Option<EventUser> {
        id.map(|id| EventUser { id, account: self.0.get(&id).cloned() })
    }
}

/// What the page of a session shows of the security log.
pub struct SessionHistory {
    /// The newest events about the session.
    pub events: Vec<EventRow>,
    /// The user who ended the session, unless it was the system.
    pub ended_by: Option<EventUser>,
}

/// Reads the newest events about a session, at most `limit`, and who ended it.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn of_session(db: &Db, session: &ListedSession, limit: i64) -> Result<SessionHistory, Error> {
    let (user, id, ended_by) = (session.user_id, session.id.clone(), session.ended_by);
    let read = move |conn: &mut DbConnection| {
        let events = log::of_session(conn, user, &id, limit)?;
        let events = event_rows(conn, events)?;
        Ok(SessionHistory { events, ended_by: UserNames::find(conn, ended_by)?.get(ended_by) })
    };
    db.run(read).await
}

/// Reads the newest events about a user, at most `limit`.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn of_user(db: &Db, user: i64, limit: i64) -> Result<Vec<EventRow>, Error> {
    let read = move |conn: &mut DbConnection| {
        let events = log::page(conn, &log::Filter::of_user(user), None, limit)?;
        event_rows(conn, events)
    };
    db.run(read).await
}

/// The rows of these events, in their order.
pub(super) fn event_rows(conn: &mut DbConnection, events: Vec<StoredEvent>) -> Result<Vec<EventRow>, Error> {
    let names = UserNames::of_events(conn, &events)?;
    let session_ids: HashSet<&str> = events.iter().filter_map(|event| event.session_id.as_deref()).collect();
    let sessions = existing(conn, session_ids)?;
    Ok(events.into_iter().map(|event| row(event, &names, &sessions)).collect())
}

fn row(event: StoredEvent, names: &UserNames, sessions: &HashSet<String>) -> EventRow {
    let actor = EventActor::of(&event);
    let device = event.user_agent.as_deref().map(device::describe_user_agent);
    EventRow {
        id: event.id,
        at: Moment::new(event.at),
        sentence: event.kind.sentence().to_owned(),
        detail: readable_detail(&event),
        note: event.note,
        by: match actor {
            EventActor::NotSignedIn => "nobody was signed in",
            EventActor::CommandLine => "on the command line",
            EventActor::System => "by the system",
            EventActor::Owner | EventActor::Other(_) | EventActor::NextInBrowser(_) => "",
        },
        user: names.get(event.user_id),
        actor: names.get(actor.other()),
        ip: event.ip.unwrap_or_default(),
        device: device.unwrap_or_default(),
        session: event.session_id.filter(|id| sessions.contains(id)),
    }
}
