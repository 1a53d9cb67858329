//! Formatting of events of the security log for pages and files.

use crate::{
    events::{EventKind, StoredEvent},
    sessions::EndReason,
};

/// The detail of an event in words. The reason for the end of a session is stored as a name, followed by the administrator's
/// note.
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
