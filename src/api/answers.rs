//! What calls answer.

use std::collections::BTreeMap;

use serde::Serialize;
use time::PrimitiveDateTime;
use utoipa::ToSchema;

use crate::{
    sessions::{
        CurrentUser, Sessions,
        catalogue::{device, list::ListedSession, site_cookies::SiteUse},
    },
    web::rfc3339,
};

/// Whoever is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    /// The number of the account.
    id: i64,
    /// The name, 1 to 100 characters.
    name: String,
    /// The address to sign in with.
    email: String,
    /// `user` or `admin`.
    #[schema(examples("user"))]
    role: &'static str,
    /// When the account was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// The last sign-in, this session's included.
    #[schema(format = DateTime)]
    last_login_at: Option<String>,
    /// How the session was signed in: `password`, `password+totp`, `password+recovery`, `password+passkey`,
    /// `passkey` or `link`.
    #[schema(examples("password"))]
    method: &'static str,
    /// The same as authentication method references (RFC 8176).
    amr: &'static [&'static str],
}

impl User {
    pub(super) fn of(user: &CurrentUser) -> Self {
        Self {
            id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            role: user.role.name(),
            created_at: utc(user.created_at),
            last_login_at: user.last_login_at.map(utc),
            method: user.session.method.name(),
            amr: user.session.method.amr(),
        }
    }
}

/// The account of whoever is signed in.
#[derive(Serialize, ToSchema)]
pub struct Account {
    /// The account.
    pub(super) user: User,
}

/// What was done, where there is nothing else to say.
#[derive(Serialize, ToSchema)]
pub(super) struct Message {
    /// For people.
    pub(super) message: String,
}

/// A sign-in.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// What was done, for people.
    pub(super) message: String,
    /// The account.
    pub(super) user: User,
    /// Where a token was asked for: the key of the session, for `Authorization: Bearer`. It is not shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) token: Option<String>,
    /// With a token: the public id of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) session_id: Option<String>,
    /// With a token: when the session expires unless it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    pub(super) expires_at: Option<String>,
}

/// Who is signed in, if anybody is.
#[derive(Serialize, ToSchema)]
pub struct SessionStatus {
    /// Whether somebody is; if not, there are no other fields.
    authenticated: bool,
    /// The public id, the same for the session's whole life.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// The number of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<i64>,
    /// The address of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// When the session started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    created_at: Option<String>,
    /// When it expires unless it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    expires_at: Option<String>,
    /// How the session was signed in: `password`, `password+totp`, `password+recovery`, `password+passkey`,
    /// `passkey` or `link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    method: Option<&'static str>,
    /// The same as authentication method references (RFC 8176).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amr: Option<&'static [&'static str]>,
    /// For a front end at another origin whose request came without a cookie: why browsers may not send it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hint: Option<String>,
}

impl SessionStatus {
    pub(super) fn of(sessions: &Sessions, user: Option<&CurrentUser>, hint: Option<String>) -> Self {
        Self {
            authenticated: user.is_some(),
            session_id: user.map(|user| user.session.id.clone()),
            user_id: user.map(|user| user.id),
            email: user.map(|user| user.email.clone()),
            created_at: user.map(|user| utc(user.session.created_at)),
            expires_at: user.map(|user| utc(sessions.expires_at(&user.session))),
            method: user.map(|user| user.session.method.name()),
            amr: user.map(|user| user.session.method.amr()),
            hint,
        }
    }
}

/// A rotation of the session's key.
#[derive(Serialize, ToSchema)]
pub struct Rotated {
    /// What was done, for people.
    pub(super) message: &'static str,
    /// The public id of the session, which stays.
    pub(super) session_id: String,
    /// The new token, for a request that came with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) token: Option<String>,
}

/// The sessions of whoever is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionList {
    /// At most 50 and that of the request, which comes first; the others by their last use.
    pub(super) sessions: Vec<Session>,
    /// Where the next page starts (`?after=`), if there is one.
    pub(super) next: Option<String>,
}

/// A session of whoever is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// The public id.
    id: String,
    /// Whether it is that of the request.
    current: bool,
    /// Browser and system in words.
    #[schema(examples("Firefox 140 on Linux"))]
    device: String,
    /// The kind of device: `desktop`, `phone`, `tablet`, `bot` or `script`.
    kind: &'static str,
    /// The address that it started from.
    ip: String,
    /// Whether it was started with `remember`.
    remembered: bool,
    /// Whether it is bound to its device.
    bound: bool,
    /// How it was signed in: `password`, `password+totp`, `password+recovery`, `password+passkey`,
    /// `passkey` or `link`.
    #[schema(examples("password"))]
    method: &'static str,
    /// When it started.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last used; up to a minute old.
    #[schema(format = DateTime)]
    last_seen_at: String,
    /// When it expires unless it is used.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The sites with cookies of their own at which it is used.
    #[schema(examples(json!(["app.example.net"])))]
    sites: Vec<String>,
}

impl Session {
    /// For a request of `user`. `uses`: of this session and of others.
    pub(super) fn of(
        sessions: &Sessions,
        session: &ListedSession,
        user: &CurrentUser,
        uses: &[SiteUse],
    ) -> Self {
        let own_uses = uses.iter().filter(|found| found.session_id == session.id);
        let current = session.id == user.session.id;
        // That session was used just now; the catalogue records it only later.
        let (last_seen_at, expires_at) = match current {
            true => (crate::clock::now(), sessions.expires_at(&user.session)),
            false => (session.last_seen_at, session.expires_at),
        };
        Self {
            id: session.id.clone(),
            current,
            device: device::describe(&session.browser, &session.browser_version, &session.os),
            kind: session.device.name(),
            ip: session.ip.clone(),
            remembered: session.remembered,
            bound: session.bound_at.is_some(),
            method: session.method.name(),
            created_at: utc(session.created_at),
            last_seen_at: utc(last_seen_at),
            expires_at: utc(expires_at),
            sites: own_uses.map(|found| found.site.clone()).collect(),
        }
    }
}

/// What went wrong (RFC 9457), as `application/problem+json`; written by `layout::error_pages`.
#[derive(Serialize, ToSchema)]
pub(super) struct Problem {
    /// What a program knows the problem by, or `about:blank` where the status says it.
    r#type: String,
    /// The kind of problem, for people.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What happened and what to do.
    detail: String,
    /// The id of the request, as in `X-Request-Id` and in the log.
    request_id: String,
    /// What is wrong with each field, by its name.
    #[schema(nullable = false)]
    errors: Option<BTreeMap<String, Vec<String>>>,
    /// Of type `…/mfa-required`: the state of the sign-in, for `/auth/login/verify`.
    #[schema(nullable = false)]
    mfa_token: Option<String>,
    /// Beside it: what can be shown: `totp` and `recovery` there, `passkey` on the page `/login` alone.
    #[schema(nullable = false)]
    methods: Option<Vec<String>>,
}

pub(super) fn utc(at: PrimitiveDateTime) -> String {
    rfc3339(at.assume_utc())
}
