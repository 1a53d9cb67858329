//! Formatting of events of the security log for pages and files.

use crate::{
    events::{EventKind, StoredEvent},
    sessions::{
        EndReason,
        catalogue::{end_reason::EndedBy, method::Method, stolen_keys::DeadKey},
    },
    text::{NOT_VISIBLE, shown},
    web::grouped,
};

/// Who did what an event records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventActor {
    /// The user it happened to.
    Owner,
    /// Another user, by id.
    Other(i64),
    /// Somebody who signed in in the browser of the session that ended, by id.
    NextInBrowser(i64),
    /// A client that was not signed in.
    NotSignedIn,
    /// An operator on the command line.
    CommandLine,
    /// The program itself, such as when a session expires.
    System,
}

impl EventActor {
    /// The actor of an event.
    pub fn of(event: &StoredEvent) -> Self {
        let reason = end_reason(event);
        match event.actor_id {
            Some(_) if event.actor_id == event.user_id => Self::Owner,
            Some(id) if reason == Some(EndReason::Replaced) => Self::NextInBrowser(id),
            Some(id) => Self::Other(id),
            None if may_be_a_visitors(event.kind) => Self::NotSignedIn,
            None if event.kind == EventKind::Unknown => Self::System,
            None if reason.is_some_and(|reason| reason.ended_by() == EndedBy::System) => Self::System,
            None => Self::CommandLine,
        }
    }

    /// The other user's id.
    pub fn other(self) -> Option<i64> {
        match self {
            Self::Other(id) | Self::NextInBrowser(id) => Some(id),
            Self::Owner | Self::NotSignedIn | Self::CommandLine | Self::System => None,
        }
    }
}

/// Whether the kind has no actor because whoever did it was not signed in.
fn may_be_a_visitors(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::SignInFailed
            | EventKind::SecondStepFailed
            | EventKind::PasskeyCloned
            | EventKind::StolenKeyUsed
            | EventKind::Throttled
            | EventKind::ResetRequested
            | EventKind::AddressTried
    )
}

/// Why the session of an event ended, if it is about that.
fn end_reason(event: &StoredEvent) -> Option<EndReason> {
    let detail = event.detail.as_deref().filter(|_| event.kind == EventKind::SessionEnded)?;
    EndReason::parse(detail.split_once(": ").map_or(detail, |(reason, _)| reason))
}

/// The detail of an event in words. The reason for the end of a session is stored as a name, followed by the administrator's
/// note.
pub fn readable_detail(event: &StoredEvent) -> Option<String> {
    if event.times > 1 {
        return Some(format!("{} times, by any number of clients", grouped(event.times)));
    }
    let detail = &shown(event.detail.as_deref()?, NOT_VISIBLE);
    if event.kind == EventKind::SignedIn {
        return Some(
            Method::parse(detail).map_or_else(|| detail.to_owned(), |method| method.label().to_owned()),
        );
    }
    if event.kind == EventKind::StolenKeyUsed {
        return Some(
            DeadKey::parse(detail).map_or_else(|| detail.to_owned(), |key| key.sentence().to_owned()),
        );
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn event_actor_is_named_by_kind_and_reason() {
        use EventActor::{CommandLine, NextInBrowser, NotSignedIn, Other, Owner, System};
        for (kind, actor_id, detail, actor) in [
            (EventKind::SignInFailed, None, None, NotSignedIn),
            (EventKind::ResetRequested, None, None, NotSignedIn),
            (EventKind::SecondStepFailed, None, None, NotSignedIn),
            (EventKind::PasskeyCloned, None, Some("Laptop"), NotSignedIn),
            (EventKind::StolenKeyUsed, None, Some("ended"), NotSignedIn),
            (EventKind::SignedIn, Some(1), None, Owner),
            (EventKind::RoleChanged, Some(2), Some("admin"), Other(2)),
            (EventKind::RoleChanged, None, Some("admin"), CommandLine),
            (EventKind::SessionEnded, Some(2), Some("replaced"), NextInBrowser(2)),
            (EventKind::SessionEnded, Some(1), Some("replaced"), Owner),
            (EventKind::SessionEnded, Some(2), Some("ended_by_admin: replaced"), Other(2)),
            (EventKind::SessionEnded, None, Some("ended_by_admin: x"), CommandLine),
            (EventKind::SessionEnded, None, Some("idle"), System),
            (EventKind::SessionEnded, None, Some("limit"), System),
        ] {
            let event = StoredEvent {
                id: 1,
                at: now(),
                kind,
                user_id: Some(1),
                actor_id,
                session_id: None,
                ip: None,
                user_agent: None,
                detail: detail.map(str::to_owned),
                ip_key: None,
                note: None,
                times: 1,
            };
            assert_eq!(EventActor::of(&event), actor, "{event:?}");
        }
    }
}
