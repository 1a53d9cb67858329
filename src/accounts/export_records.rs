//! What an export says of each thing that is stored of a person: no password, no key, no token, and no hash of one.

use serde::Serialize;
use time::{PrimitiveDateTime, format_description::well_known::Rfc3339};

use crate::{
    events::StoredEvent,
    mail::StoredMail,
    sessions::catalogue::{list::ListedSession, sign_in_notices::StoredNotice, site_cookies::SiteUse},
    users::{User, passkeys::ListedPasskey, tokens::StoredToken, trusted_browsers::TrustedBrowser},
};

/// Whom an export is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExportFor {
    /// The person.
    Owner,
    /// An administrator, who sees notes for the record too.
    Administrator,
}

/// The beginning of an export: what there is little of.
#[derive(Serialize)]
pub(super) struct Head {
    pub exported_at: String,
    pub account: Account,
    pub second_factor: SecondFactor,
    pub links: Vec<Link>,
    pub mails: Vec<Mail>,
    pub sign_in_notices: Vec<Notice>,
}

/// The account itself.
#[derive(Serialize)]
pub(super) struct Account {
    id: i64,
    name: String,
    email: String,
    pending_email: Option<String>,
    role: &'static str,
    active: bool,
    created_at: String,
    updated_at: String,
    last_sign_in_at: Option<String>,
    email_confirmed_at: Option<String>,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            pending_email: user.pending_email,
            role: user.role.name(),
            active: user.active,
            created_at: utc(user.created_at),
            updated_at: utc(user.updated_at),
            last_sign_in_at: user.last_login_at.map(utc),
            email_confirmed_at: user.email_confirmed_at.map(utc),
        }
    }
}

/// What the person has beside the password.
#[derive(Serialize)]
pub(super) struct SecondFactor {
    pub passkeys: Vec<Passkey>,
    pub authenticator_since: Option<String>,
    pub recovery_codes_left: i64,
    pub trusted_browsers: Vec<Trusted>,
}

/// A passkey, without its key.
#[derive(Serialize)]
pub(super) struct Passkey {
    name: String,
    host: String,
    added_at: String,
    last_used_at: Option<String>,
    sign_count: i64,
    backup_eligible: bool,
    backed_up: bool,
}

impl From<ListedPasskey> for Passkey {
    fn from(passkey: ListedPasskey) -> Self {
        Self {
            name: passkey.name,
            host: passkey.rp_id,
            added_at: utc(passkey.created_at),
            last_used_at: passkey.last_used_at.map(utc),
            sign_count: passkey.sign_count,
            backup_eligible: passkey.backup_eligible,
            backed_up: passkey.backed_up,
        }
    }
}

/// A browser that is not asked for a second factor.
#[derive(Serialize)]
pub(super) struct Trusted {
    device: String,
    ip: String,
    created_at: String,
    expires_at: String,
}

impl From<TrustedBrowser> for Trusted {
    fn from(browser: TrustedBrowser) -> Self {
        let TrustedBrowser { device, ip, created_at, expires_at } = browser;
        Self { device, ip, created_at: utc(created_at), expires_at: utc(expires_at) }
    }
}

/// A one-time link that was mailed.
#[derive(Serialize)]
pub(super) struct Link {
    purpose: String,
    address: Option<String>,
    created_at: String,
    expires_at: String,
}

impl From<StoredToken> for Link {
    fn from(token: StoredToken) -> Self {
        let StoredToken { purpose, email: address, created_at, expires_at } = token;
        Self { purpose, address, created_at: utc(created_at), expires_at: utc(expires_at) }
    }
}

/// A mail that waits or was given up.
#[derive(Serialize)]
pub(super) struct Mail {
    kind: &'static str,
    recipient: String,
    created_at: String,
    tries: i64,
    given_up_at: Option<String>,
}

impl From<StoredMail> for Mail {
    fn from(mail: StoredMail) -> Self {
        Self {
            kind: mail.kind.name(),
            recipient: mail.recipient,
            created_at: utc(mail.created_at),
            tries: mail.tries,
            given_up_at: mail.given_up_at.map(utc),
        }
    }
}

/// That the person was told of a sign-in.
#[derive(Serialize)]
pub(super) struct Notice {
    session_id: String,
    created_at: String,
    expires_at: String,
}

impl From<StoredNotice> for Notice {
    fn from(notice: StoredNotice) -> Self {
        let StoredNotice { session_id, created_at, expires_at } = notice;
        Self { session_id, created_at: utc(created_at), expires_at: utc(expires_at) }
    }
}

/// A site with a cookie of its own at which a session is used.
#[derive(Serialize)]
pub(super) struct Site {
    site: String,
    since: String,
}

/// A session, active or ended.
#[derive(Serialize)]
pub(super) struct Session {
    id: String,
    started_at: String,
    last_seen_at: String,
    expires_at: String,
    absolute_expires_at: String,
    remembered: bool,
    bound_to_device_at: Option<String>,
    method: &'static str,
    ip: String,
    user_agent: String,
    browser: String,
    browser_version: String,
    os: String,
    device: &'static str,
    sites: Vec<Site>,
    key_stolen_at: Option<String>,
    ended_at: Option<String>,
    end_reason: Option<&'static str>,
    end_message: Option<String>,
    ended_by: Option<&'static str>,
    #[serde(flatten)]
    internal: Option<Internal>,
}

impl Session {
    pub(super) fn new(session: ListedSession, reader: ExportFor, uses: &[SiteUse]) -> Self {
        let own = uses.iter().filter(|found| found.session_id == session.id);
        Self {
            sites: own.map(|found| Site { site: found.site.clone(), since: utc(found.since) }).collect(),
            started_at: utc(session.created_at),
            last_seen_at: utc(session.last_seen_at),
            expires_at: utc(session.expires_at),
            absolute_expires_at: utc(session.absolute_expires_at),
            remembered: session.remembered,
            bound_to_device_at: session.bound_at.map(utc),
            method: session.method.name(),
            ip: session.ip,
            user_agent: session.user_agent,
            browser: session.browser,
            browser_version: session.browser_version,
            os: session.os,
            device: session.device.name(),
            key_stolen_at: session.key_stolen_at.map(utc),
            ended_at: session.ended_at.map(utc),
            end_reason: session.end_reason.map(|reason| reason.name()),
            end_message: session.end_message,
            ended_by: session.ended_at.map(|_| doer(session.ended_by, session.user_id).unwrap_or("system")),
            internal: Internal::shown_to(reader, session.end_note, session.ended_by),
            id: session.id,
        }
    }
}

/// What happened.
#[derive(Serialize)]
pub(super) struct Event {
    id: i64,
    at: String,
    kind: &'static str,
    by: Option<&'static str>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    detail: Option<String>,
    #[serde(flatten)]
    internal: Option<Internal>,
}

impl Event {
    /// As on the pages, the person does not learn from where somebody else has acted.
    pub(super) fn new(event: StoredEvent, user: i64, reader: ExportFor) -> Self {
        let by_other = event.actor_id.is_some_and(|actor| actor != user);
        let shows_client = !by_other || reader == ExportFor::Administrator;
        Self {
            id: event.id,
            at: utc(event.at),
            kind: event.kind.name(),
            by: doer(event.actor_id, user),
            session_id: event.session_id,
            ip: event.ip.filter(|_| shows_client),
            user_agent: event.user_agent.filter(|_| shows_client),
            detail: event.detail,
            internal: Internal::shown_to(reader, event.note, event.actor_id),
        }
    }
}

/// What only administrators read.
#[derive(Serialize)]
struct Internal {
    note: Option<String>,
    by_user: Option<i64>,
}

impl Internal {
    fn shown_to(reader: ExportFor, note: Option<String>, by_user: Option<i64>) -> Option<Self> {
        (reader == ExportFor::Administrator).then_some(Self { note, by_user })
    }
}

/// Who did something to a user; `None`: nobody who was signed in.
fn doer(actor: Option<i64>, user: i64) -> Option<&'static str> {
    actor.map(|actor| if actor == user { "self" } else { "administrator" })
}

/// A time in UTC, as RFC 3339 has it.
pub(super) fn utc(at: PrimitiveDateTime) -> String {
    at.assume_utc().format(&Rfc3339).unwrap_or_default()
}
