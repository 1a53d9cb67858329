//! What lists of sessions show of a session's device and times.

use crate::{
    clock::now,
    sessions::catalogue::{device, list::ListedSession},
    web::Moment,
};

/// Seen within this long counts as active now.
const ACTIVE_NOW: time::Duration = time::Duration::minutes(5);

/// Ends within this long counts as ending soon.
const ENDS_SOON: time::Duration = time::Duration::minutes(15);

/// What lists of either kind show of a session's device and times.
pub struct SessionFacts {
    pub device: String,
    pub kind: &'static str,
    pub signed_in: Moment,
    pub last_seen: Moment,
    pub active_now: bool,
    pub expires: Moment,
    pub ends_soon: bool,
}

impl SessionFacts {
    /// The facts as of now. The session that asks is active now, whatever the catalogue has heard.
    pub fn of(session: &ListedSession, asking: bool) -> Self {
        let at = now();
        let last_seen = if asking { at } else { session.last_seen_at };
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
