//! Entries of the security log as people read them.

use crate::{
    events::{EventKind, StoredEvent},
    sessions::EndReason,
};

/// The detail in words: why a session ended is stored as a name, followed by the administrator's note.
pub fn readable_detail(event: &StoredEvent) -> Option<String> {
    let detail = event.detail.as_deref()?;
    if event.kind != EventKind::SessionEnded {
        return Some(detail.to_owned());
    }
    let sentence = |name: &str| {
        EndReason::parse(name).map_or_else(|| name.to_owned(), |reason| reason.sentence().to_owned())
    };
    Some(match detail.split_once(": ") {
        Some((reason, note)) => format!("{}: {note}", sentence(reason)),
        None => sentence(detail),
    })
}
