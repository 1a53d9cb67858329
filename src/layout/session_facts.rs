//! Device and times of a session, formatted for lists of sessions.

use crate::{
    clock::now,
    sessions::catalogue::{device, list::ListedSession},
    web::Moment,
};

/// A session that was last seen less than this long ago counts as active now.
const ACTIVE_NOW: time::Duration = time::Duration::minutes(5);

/// A session that expires in less than this counts as ending soon.
const ENDS_SOON: time::Duration = time::Duration::minutes(15);

/// What a user's own list and the administrator's list show of a session.
pub struct SessionFacts {
    /// Browser and operating system in words.
    pub device: String,
    /// The kind of device; names its icon.
    pub kind: &'static str,
    /// When the session began.
    pub signed_in: Moment,
    /// When the session was last seen.
    pub last_seen: Moment,
    /// Whether the session has not ended and was seen just now.
    pub active_now: bool,
    /// When the session expires unless it is used.
    pub expires: Moment,
    /// Whether the session expires soon.
    pub ends_soon: bool,
}

impl SessionFacts {
    /// The facts as of now. With `is_own`, the session is that of the request and was seen now; the catalogue records that only
    /// later.
    pub fn of(session: &ListedSession, is_own: bool) -> Self {
        let at = now();
        let last_seen = if is_own { at } else { session.last_seen_at };
        Self {
            device: device::describe(&session.browser, &session.browser_version, &session.os),
            kind: session.device.name(),
            signed_in: Moment::new(session.created_at),
            last_seen: Moment::new(last_seen),
            active_now: session.ended_at.is_none() && at - last_seen < ACTIVE_NOW,
            expires: Moment::new(session.expires_at),
            ends_soon: session.expires_at - at < ENDS_SOON,
        }
    }
}
