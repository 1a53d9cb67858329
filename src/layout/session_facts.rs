//! What lists show of a session: its device, address and times, formatted.

use crate::{
    clock::now,
    sessions::catalogue::{device, list::ListedSession, site_cookies::SiteUse},
    web::Moment,
};

/// A session that was last seen less than this long ago counts as active now.
const ACTIVE_NOW: time::Duration = time::Duration::minutes(5);

/// A session that expires in less than this counts as ending soon.
const ENDS_SOON: time::Duration = time::Duration::minutes(15);

/// What a user's own list and the administrator's list show of a session.
pub struct SessionFacts {
    /// The public session id.
    pub id: String,
    /// Browser and operating system in words.
    pub device: String,
    /// The kind of device; names its icon.
    pub kind: &'static str,
    /// The address that the session started from.
    pub ip: String,
    /// Whether it is the session of the request.
    pub current: bool,
    /// Whether it was started with "remember me".
    pub remembered: bool,
    /// Whether it is bound to its device.
    pub bound: bool,
    /// How it was signed in.
    pub method: &'static str,
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
    /// When somebody else first presented a key of it that leads nowhere.
    pub key_stolen: Option<Moment>,
    /// The sites with cookies of their own at which it is used, where a page shows them.
    pub sites: Vec<String>,
}

impl SessionFacts {
    /// The facts with the sites at which the session is used.
    #[must_use]
    pub fn used_at(self, uses: &[SiteUse]) -> Self {
        let own = uses.iter().filter(|found| found.session_id == self.id);
        Self { sites: own.map(|found| found.site.clone()).collect(), ..self }
    }

    /// The facts as of now, for a request of the session `own`. That session was seen now; the catalogue records it only later.
    pub fn of(session: &ListedSession, own: &str) -> Self {
        let at = now();
        let current = session.id == own;
        let last_seen = if current { at } else { session.last_seen_at };
        Self {
            id: session.id.clone(),
            device: device::describe(&session.browser, &session.browser_version, &session.os),
            kind: session.device.name(),
            ip: session.ip.clone(),
            current,
            remembered: session.remembered,
            bound: session.bound_at.is_some(),
            method: session.method.label(),
            signed_in: Moment::new(session.created_at),
            last_seen: Moment::new(last_seen),
            active_now: session.ended_at.is_none() && at - last_seen < ACTIVE_NOW,
            expires: Moment::new(session.expires_at),
            ends_soon: session.expires_at - at < ENDS_SOON,
            key_stolen: session.key_stolen_at.map(Moment::new),
            sites: Vec::new(),
        }
    }
}
