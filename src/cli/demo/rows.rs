//! The generated rows.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::history::GeneratedSession;
use crate::{
    db::schema::{device_keys, events, samples, sessions, users},
    events::EventKind,
    security::ip_key,
    sessions::{
        EndReason, SessionState,
        catalogue::{device::DeviceKind, end_reason::EndedBy, method::Method},
    },
    users::{Role, email_key, search_text},
};

#[derive(Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(super) struct UserRow {
    name: String,
    search_text: String,
    email_key: String,
    email: String,
    password_hash: String,
    role: Role,
    active: bool,
    session_epoch: i64,
    created_at: PrimitiveDateTime,
    updated_at: PrimitiveDateTime,
    last_login_at: Option<PrimitiveDateTime>,
    email_confirmed_at: Option<PrimitiveDateTime>,
}

impl UserRow {
    pub(super) fn new(
        name: String,
        email: String,
        password_hash: &str,
        role: Role,
        created_at: PrimitiveDateTime,
        last_login_at: Option<PrimitiveDateTime>,
    ) -> Self {
        let email_key = email_key(&email);
        Self {
            search_text: search_text(&name, &email, &email_key),
            name,
            email_key,
            email,
            password_hash: password_hash.to_owned(),
            role,
            active: true,
            session_epoch: 0,
            created_at,
            updated_at: created_at,
            last_login_at,
            email_confirmed_at: Some(created_at),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub(super) struct SessionRow {
    id: String,
    user_id: i64,
    created_at: PrimitiveDateTime,
    last_seen_at: PrimitiveDateTime,
    expires_at: PrimitiveDateTime,
    absolute_expires_at: PrimitiveDateTime,
    remembered: bool,
    method: Method,
    bound_at: Option<PrimitiveDateTime>,
    ip: String,
    ip_key: Vec<u8>,
    user_agent: &'static str,
    browser: String,
    browser_version: String,
    os: String,
    device: DeviceKind,
    store_key: String,
    state: Option<String>,
    ended_at: Option<PrimitiveDateTime>,
    end_reason: Option<EndReason>,
    end_message: Option<&'static str>,
    ended_by: Option<i64>,
    person: String,
    role: Role,
}

impl GeneratedSession<'_> {
    /// The state as the store holds it. `first`: the id of the first user.
    pub(super) fn state(&self, first: i64) -> String {
        let state = SessionState {
            session_id: self.id.clone(),
            remembered: self.remembered,
            absolute_end: self.absolute_expires_at.assume_utc().unix_timestamp() + 1,
            confirmed_at: Some(self.created_at.assume_utc().unix_timestamp()),
            epoch: Some(0),
        };
        serde_json::json!(state.into_state(self.user_id(first))).to_string()
    }

    /// When it was bound to its device: at once, by the browsers that can.
    fn bound_at(&self) -> Option<PrimitiveDateTime> {
        let device = &self.browser.device;
        let can = device.os == "Windows" && matches!(device.browser.as_str(), "Chrome" | "Edge");
        can.then_some(self.created_at)
    }

    fn user_id(&self, first: i64) -> i64 {
        first + self.user as i64
    }

    /// The id of the user who ended it; `None`: the system. The administrator is the first user.
    fn ended_by(&self, first: i64) -> Option<i64> {
        match self.end.as_ref()?.reason.ended_by() {
            EndedBy::System => None,
            EndedBy::Administrator => Some(first),
            EndedBy::Owner => Some(self.user_id(first)),
        }
    }
}

impl SessionRow {
    /// The row of a session. `first`: the id of the first user; `in_catalogue`: the catalogue holds the state, not a store.
    pub(super) fn new(
        session: &GeneratedSession<'_>,
        user: &UserRow,
        first: i64,
        in_catalogue: bool,
    ) -> Self {
        let device = &session.browser.device;
        Self {
            id: session.id.clone(),
            user_id: session.user_id(first),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            absolute_expires_at: session.absolute_expires_at,
            remembered: session.remembered,
            method: session.method,
            bound_at: session.bound_at(),
            ip: session.ip.to_string(),
            ip_key: ip_key(session.ip),
            user_agent: session.browser.user_agent,
            browser: device.browser.clone(),
            browser_version: device.browser_version.clone(),
            os: device.os.clone(),
            device: device.kind,
            store_key: session.store_key.clone(),
            state: (in_catalogue && session.end.is_none()).then(|| session.state(first)),
            ended_at: session.end.as_ref().map(|end| end.at),
            end_reason: session.end.as_ref().map(|end| end.reason),
            end_message: session.end.as_ref().and_then(|end| end.message),
            ended_by: session.ended_by(first),
            person: user.search_text.clone(),
            role: user.role,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = device_keys, treat_none_as_default_value = false)]
pub(super) struct DeviceKeyRow {
    session_id: String,
    public_key: String,
    made_at: PrimitiveDateTime,
    proved_at: PrimitiveDateTime,
    last_challenge: i64,
}

impl DeviceKeyRow {
    /// A key that no browser has, of a session that is bound.
    pub(super) fn of(session: &GeneratedSession<'_>) -> Option<Self> {
        Some(Self {
            session_id: session.id.clone(),
            public_key: session.store_key.clone(),
            made_at: session.bound_at()?,
            proved_at: session.last_seen_at,
            last_challenge: 0,
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(super) struct EventRow {
    at: PrimitiveDateTime,
    kind: EventKind,
    user_id: Option<i64>,
    actor_id: Option<i64>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<&'static str>,
    detail: Option<String>,
    ip_key: Option<Vec<u8>>,
}

impl EventRow {
    pub(super) fn registered(at: PrimitiveDateTime, user: i64) -> Self {
        Self {
            at,
            kind: EventKind::Registered,
            user_id: Some(user),
            actor_id: Some(user),
            session_id: None,
            ip: None,
            user_agent: None,
            detail: None,
            ip_key: None,
        }
    }

    pub(super) fn signed_in(session: &GeneratedSession<'_>, first: i64) -> Self {
        Self {
            kind: EventKind::SignedIn,
            user_agent: Some(session.browser.user_agent),
            ip: Some(session.ip.to_string()),
            ip_key: Some(ip_key(session.ip)),
            session_id: Some(session.id.clone()),
            ..Self::registered(session.created_at, session.user_id(first))
        }
    }

    pub(super) fn sign_in_failed(at: PrimitiveDateTime, session: &GeneratedSession<'_>, first: i64) -> Self {
        let kind = EventKind::SignInFailed;
        Self { at, kind, actor_id: None, session_id: None, ..Self::signed_in(session, first) }
    }

    pub(super) fn session_ended(at: PrimitiveDateTime, session: &GeneratedSession<'_>, first: i64) -> Self {
        let actor_id = session.ended_by(first);
        let by_person = actor_id.is_some();
        let row = Self::signed_in(session, first);
        let detail = session.end.as_ref().map(|end| match end.message {
            Some(message) => format!("{}: {message}", end.reason.name()),
            None => end.reason.name().to_owned(),
        });
        Self {
            at,
            kind: EventKind::SessionEnded,
            actor_id,
            detail,
            ip: row.ip.filter(|_| by_person),
            ip_key: row.ip_key.filter(|_| by_person),
            user_agent: row.user_agent.filter(|_| by_person),
            ..row
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = samples, treat_none_as_default_value = false)]
pub(super) struct SampleRow {
    pub at: PrimitiveDateTime,
    pub active: i64,
}
