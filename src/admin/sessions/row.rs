//! A session as administrators see it, with its user.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::known_rows::VERSION_DIGITS;
use crate::{layout::SessionFacts, sessions::catalogue::list::ListedSession, users::Role, web::Moment};

/// A session with its user, as administrators see it.
pub struct AdminSessionRow {
    /// Device, address and times.
    pub session: SessionFacts,
    /// The user's name.
    pub name: String,
    /// The user's address, as typed.
    pub email: String,
    /// The user's id.
    pub user_id: i64,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// The session's end; `None`: it is active.
    pub ended: Option<Ended>,
    /// The others in the list with the same device of the same user, if there are any.
    pub alike: Option<Alike>,
}

/// Sessions that look the same in the list.
pub struct Alike {
    /// How many of them match the filter, this one among them.
    pub count: String,
    /// Whether there may be more: they were not counted to the end.
    pub at_least: bool,
    /// The list of just those.
    pub href: String,
}

/// When and why a session ended.
pub struct Ended {
    /// When.
    pub at: Moment,
    /// "Signed out"
    pub reason: String,
}

impl AdminSessionRow {
    /// The row as shown to the session `own`.
    pub fn new(session: &ListedSession, own: &str) -> Self {
        Self {
            session: SessionFacts::of(session, own),
            name: session.name.clone(),
            email: session.email.clone(),
            user_id: session.user_id,
            is_admin: session.role == Role::Admin,
            alike: None,
            ended: session.ended_at.map(|at| Ended {
                at: Moment::new(at),
                reason: session.end_reason.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            }),
        }
    }

    /// A short text that is another one when the row shows something else. It leaves out what scripts keep current by themselves
    /// (words such as "2 minutes ago", and how many look alike), and times are those of its minute.
    pub fn version(&self) -> String {
        let SessionFacts { id, device, kind, ip, current, remembered, bound, method, .. } = &self.session;
        let SessionFacts { ends_soon, signed_in, last_seen, expires, key_stolen, .. } = &self.session;
        let mut hasher = DefaultHasher::new();
        (id, device, kind, ip, current, remembered, bound, method, ends_soon).hash(&mut hasher);
        [signed_in, last_seen, expires].map(|at| &at.exact).hash(&mut hasher);
        key_stolen.as_ref().map(|at| &at.exact).hash(&mut hasher);
        (&self.name, &self.email, self.is_admin).hash(&mut hasher);
        self.ended.as_ref().map(|end| (&end.at.exact, &end.reason)).hash(&mut hasher);
        self.alike.as_ref().map(|alike| (alike.at_least, &alike.href)).hash(&mut hasher);
        let mut version = format!("{:016x}", hasher.finish());
        version.truncate(VERSION_DIGITS);
        version
    }
}
