//! The events of the stream, with their data.

use std::collections::HashMap;

use actix_web_lab::sse;
use diesel::prelude::*;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::batch::Gathered;
use crate::{
    accounts::pages::session_stream::event,
    app::Site,
    db::{DbConnection, schema::users},
    error::Error,
    sessions::{
        EndReason,
        catalogue::{
            device,
            list::{self, Listed},
        },
        live::Message,
    },
};

/// Starts that are told one by one; when there are more at once the page is told to load again.
const STARTS: usize = 200;
/// The same for ends, of which one administrator may make thousands.
const ENDS: usize = 5_000;

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

impl From<Listed> for Started {
    fn from(session: Listed) -> Self {
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
    reason: &'a str,
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
pub fn count(active: i64) -> sse::Event {
    event("counts", &Counts { active })
}

/// `started` and `ended` for each session, `seen` for all together, and `reload` for what can't be told.
pub async fn all(site: &Site, mut gathered: Gathered) -> Vec<sse::Event> {
    shorten(&mut gathered);
    let started = std::mem::take(&mut gathered.started);
    let by: Vec<i64> = gathered.ended.iter().filter_map(|message| ended_by(message)).collect();
    let read = site.db.run(move |conn| Ok((list::by_ids(conn, &started)?, names(conn, &by)?))).await;
    let (started, names) = read.unwrap_or_else(|_| {
        gathered.missed = true;
        Default::default()
    });
    let mut events: Vec<sse::Event> = started
        .into_iter()
        .filter(|session| session.ended_at.is_none())
        .map(|session| event("started", &Started::from(session)))
        .collect();
    for message in &gathered.ended {
        events.extend(tell_ends(message, &names));
    }
    if !gathered.seen.is_empty() {
        let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        events.push(event("seen", &Seen { ids: gathered.seen, at }));
    }
    if gathered.missed {
        events.push(event("reload", &Reload {}));
    }
    events
}

/// Of more starts than are told the first are; of more ends none.
fn shorten(gathered: &mut Gathered) {
    if gathered.started.len() > STARTS {
        gathered.started.truncate(STARTS);
        gathered.missed = true;
    }
    let ends: usize = gathered.ended.iter().map(|message| ended_ids(message).len()).sum();
    if ends > ENDS {
        gathered.ended.clear();
        gathered.missed = true;
    }
}

fn ended_ids(message: &Message) -> &[String] {
    if let Message::Ended { ids, .. } = message { ids } else { &[] }
}

fn ended_by(message: &Message) -> Option<i64> {
    if let Message::Ended { by, .. } = message { *by } else { None }
}

fn tell_ends(message: &Message, names: &HashMap<i64, String>) -> Vec<sse::Event> {
    let Message::Ended { ids, reason, note, by } = message else {
        return Vec::new();
    };
    let sentence = EndReason::sentence(reason);
    let end = |id: &String| {
        let by = by.map(|id| By { id, name: names.get(&id).map_or("", String::as_str) });
        event("ended", &Ended { id, reason, sentence, note: note.as_deref(), by })
    };
    ids.iter().map(end).collect()
}

fn names(conn: &mut DbConnection, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let rows: Vec<(i64, String)> =
        users::table.filter(users::id.eq_any(ids)).select((users::id, users::name)).load(conn)?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn gathered(starts: usize, ends: usize) -> Gathered {
        let ids = |count| vec!["id".to_owned(); count];
        let ended = Message::Ended { ids: ids(ends), reason: "idle".into(), note: None, by: None };
        let mut gathered = Gathered::default();
        gathered.add(&Arc::new(Message::Started { ids: ids(starts) }));
        gathered.add(&Arc::new(ended));
        gathered
    }

    #[test]
    fn many_starts_do_not_keep_ends_from_being_told() {
        for (starts, ends, told) in [
            (STARTS, ENDS, (STARTS, 1, false)),
            (STARTS + 1, ENDS, (STARTS, 1, true)),
            (STARTS, ENDS + 1, (STARTS, 0, true)),
            (STARTS + 1, ENDS + 1, (STARTS, 0, true)),
        ] {
            let mut gathered = gathered(starts, ends);
            shorten(&mut gathered);
            assert_eq!((gathered.started.len(), gathered.ended.len(), gathered.missed), told);
        }
    }
}
