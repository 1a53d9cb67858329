//! The events of the stream, with their data as JSON.

use std::collections::HashMap;

use actix_web_lab::sse;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::batch::Batch;
use crate::{
    db::Db,
    sessions::{
        EndReason,
        catalogue::{
            device,
            list::{self, ListedSession},
        },
        live::message::Message,
    },
    users::list::names,
    web::sse::event,
};

/// Starts that are sent one by one; of more at once, the page is told to load again.
const MAX_STARTS: usize = 200;
/// The same for ends, of which one administrator may make thousands.
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
    note: Option<&'a str>,
    by: Option<By<'a>>,
}

/// Who ended a session; the name of somebody whose account is gone is empty.
#[derive(Serialize)]
struct By<'a> {
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

/// `counts`
pub(super) fn counts(active: i64) -> sse::Event {
    event("counts", &Counts { active })
}

/// `started` and `ended` for each session, `seen` for all together, and `reload` when something can't be sent.
pub(super) async fn of_batch(db: &Db, mut batch: Batch) -> Vec<sse::Event> {
    shorten(&mut batch);
    let started = std::mem::take(&mut batch.started);
    let by: Vec<i64> = batch.ended.iter().filter_map(|message| ended_by(message)).collect();
    let read = db.run(move |conn| Ok((list::by_ids(conn, &started)?, names(conn, &by)?))).await;
    let (started, names) = read.unwrap_or_else(|_| {
        batch.missed = true;
        Default::default()
    });
    let mut events: Vec<sse::Event> = started
        .into_iter()
        .filter(|session| session.ended_at.is_none())
        .map(|session| event("started", &Started::from(session)))
        .collect();
    for message in &batch.ended {
        events.extend(ended_events(message, &names));
    }
    if !batch.seen.is_empty() {
        let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        events.push(event("seen", &Seen { ids: batch.seen, at }));
    }
    if batch.missed {
        events.push(event("reload", &Reload {}));
    }
    events
}

/// Of too many starts the first are kept; of too many ends none.
fn shorten(batch: &mut Batch) {
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
    let Message::Ended { ids, reason, note, by } = message else {
        return Vec::new();
    };
    let sentence = reason.sentence();
    let end = |id: &String| {
        let by = by.map(|id| By { id, name: names.get(&id).map_or("", String::as_str) });
        event("ended", &Ended { id, reason: *reason, sentence, note: note.as_deref(), by })
    };
    ids.iter().map(end).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn batch_of(starts: usize, ends: usize) -> Batch {
        let ids = |count| vec!["id".to_owned(); count];
        let ended = Message::Ended { ids: ids(ends), reason: EndReason::Idle, note: None, by: None };
        let mut batch = Batch::default();
        batch.add(&Arc::new(Message::Started { ids: ids(starts) }));
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
            shorten(&mut batch);
            assert_eq!((batch.started.len(), batch.ended.len(), batch.missed), kept);
        }
    }
}
