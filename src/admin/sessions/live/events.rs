//! The events of the stream; their data is JSON.

use std::collections::HashMap;

use actix_web_lab::sse;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::batch::Batch;
use crate::{
    clock::now_utc,
    db::{Db, DbConnection},
    error::Error,
    sessions::{
        EndReason,
        catalogue::{
            device,
            list::{self, ListedSession},
            rights::AdminRights,
        },
        live::message::Message,
    },
    users::list::names,
    web::sse::event,
};

/// Most starts in one batch that are sent one by one; for more, a `reload` event makes the page load again.
const MAX_STARTS: usize = 200;

/// The same for ends; one administrator may end thousands of sessions at once.
const MAX_ENDS: usize = 5_000;

#[derive(Serialize)]
struct Started {
    id: String,
    user_id: i64,
    name: String,
    email: String,
    device: String,
    ip: String,
    created_at: String,
}

impl From<ListedSession> for Started {
    fn from(session: ListedSession) -> Self {
        Self {
            device: device::describe(&session.browser, &session.browser_version, &session.os),
            created_at: session.created_at.assume_utc().format(&Rfc3339).unwrap_or_default(),
            id: session.id,
            user_id: session.user_id,
            name: session.name,
            email: session.email,
            ip: session.ip,
        }
    }
}

#[derive(Serialize)]
struct Ended<'a> {
    id: &'a str,
    reason: EndReason,
    sentence: &'a str,
    /// What its user reads about it.
    message: Option<&'a str>,
    /// What only administrators read.
    note: Option<&'a str>,
    by: Option<EndedBy<'a>>,
}

/// The user who ended a session; the name is empty when the account has been deleted.
#[derive(Serialize)]
struct EndedBy<'a> {
    id: i64,
    name: &'a str,
}

#[derive(Serialize)]
struct Seen {
    ids: Vec<String>,
    at: String,
}

#[derive(Serialize)]
struct Counts {
    active: i64,
}

#[derive(Serialize)]
struct Reload {}

/// Whether the page can be trusted to be current: changes anywhere arrive.
#[derive(Serialize)]
struct Status {
    live: bool,
}

/// The event `status`.
pub(super) fn status_event(live: bool) -> sse::Event {
    event("status", &Status { live })
}

/// The event `counts`.
pub(super) fn counts_event(active: i64) -> sse::Event {
    event("counts", &Counts { active })
}

/// The events of a batch: `started` and `ended` for each session, one `seen` for all together, and `reload` when something can't be
/// sent. `rights`: of the administrator who gets them.
///
/// # Errors
/// As [`AdminRights::check`]. Another process may have taken the rights away, and its message may be late or lost.
pub(super) async fn batch_events(
    db: &Db,
    rights: &AdminRights,
    mut batch: Batch,
) -> Result<Vec<sse::Event>, Error> {
    limit(&mut batch);
    let started = std::mem::take(&mut batch.started);
    let ended_by = batch.ended.iter().filter_map(|message| ended_by(message)).collect();
    let Details { started, names } = read(db, rights.clone(), started, ended_by).await?;
    let mut events: Vec<sse::Event> = started
        .into_iter()
        .filter(|session| session.ended_at.is_none())
        .map(|session| event("started", &Started::from(session)))
        .collect();
    for message in &batch.ended {
        events.extend(ended_events(message, &names));
    }
    if !batch.seen.is_empty() {
        let at = now_utc().format(&Rfc3339).unwrap_or_default();
        events.push(event("seen", &Seen { ids: batch.seen, at }));
    }
    if batch.missed {
        events.push(event("reload", &Reload {}));
    }
    Ok(events)
}

/// What the events say beyond the messages.
struct Details {
    /// The sessions that started.
    started: Vec<ListedSession>,
    /// The names of the users who ended sessions, by id.
    names: HashMap<i64, String>,
}

async fn read(
    db: &Db,
    rights: AdminRights,
    started: Vec<String>,
    ended_by: Vec<i64>,
) -> Result<Details, Error> {
    let read = move |conn: &mut DbConnection| {
        rights.check(conn)?;
        Ok(Details { started: list::by_ids(conn, &started)?, names: names(conn, &ended_by)? })
    };
    db.run(read).await
}

/// Keeps only the first of too many starts, and none of too many ends.
fn limit(batch: &mut Batch) {
    if batch.started.len() > MAX_STARTS {
        batch.started.truncate(MAX_STARTS);
        batch.missed = true;
    }
    let ends: usize = batch.ended.iter().map(|message| ended_ids(message).len()).sum();
    if ends > MAX_ENDS {
        batch.ended.clear();
        batch.missed = true;
    }
}

fn ended_ids(message: &Message) -> &[String] {
    if let Message::Ended { ids, .. } = message { ids } else { &[] }
}

fn ended_by(message: &Message) -> Option<i64> {
    if let Message::Ended { by, .. } = message { *by } else { None }
}

fn ended_events(message: &Message, names: &HashMap<i64, String>) -> Vec<sse::Event> {
    let Message::Ended { ids, reason, message: text, note, by, .. } = message else {
        return Vec::new();
    };
    let sentence = reason.sentence();
    let ended_event = |id: &String| {
        let by = by.map(|id| EndedBy { id, name: names.get(&id).map_or("", String::as_str) });
        let (message, note) = (text.as_deref(), note.as_deref());
        event("ended", &Ended { id, reason: *reason, sentence, message, note, by })
    };
    ids.iter().map(ended_event).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn batch_of(starts: usize, ends: usize) -> Batch {
        let ids = |count| vec!["id".to_owned(); count];
        let ended = Message::Ended {
            ids: ids(ends),
            users: Vec::new(),
            reason: EndReason::Idle,
            message: None,
            note: None,
            by: None,
        };
        let mut batch = Batch::default();
        batch.add(&Arc::new(Message::Started { ids: ids(starts), users: Vec::new() }));
        batch.add(&Arc::new(ended));
        batch
    }

    #[test]
    fn event_limits_for_starts_and_ends_are_independent() {
        for (starts, ends, kept) in [
            (MAX_STARTS, MAX_ENDS, (MAX_STARTS, 1, false)),
            (MAX_STARTS + 1, MAX_ENDS, (MAX_STARTS, 1, true)),
            (MAX_STARTS, MAX_ENDS + 1, (MAX_STARTS, 0, true)),
            (MAX_STARTS + 1, MAX_ENDS + 1, (MAX_STARTS, 0, true)),
        ] {
            let mut batch = batch_of(starts, ends);
            limit(&mut batch);
            assert_eq!((batch.started.len(), batch.ended.len(), batch.missed), kept);
        }
    }
}
