//! Finds the signed-in user of a request: from the session key to the stored state, then one query over session and user.

use std::{ops::Deref, pin::Pin, rc::Rc, time::Duration};

use actix_identity::IdentityExt as _;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use time::PrimitiveDateTime;

use crate::{
    clock::{now, unix_now},
    config::{Config, SecondFactor, SessionKind},
    error::Error,
    security::site,
    sessions::{
        binding::cookie,
        catalogue::{method::Method, rights::AdminRights},
        found_session::FoundSession,
        request_context::{LoadedEntry, RequestContext},
        service::Sessions,
    },
    state::shared,
    users::Role,
};

/// The signed-in user of a request.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// The user's id.
    pub id: i64,
    /// The user's name.
    pub name: String,
    /// The address as the user typed it.
    pub email: String,
    /// Whether it was proven that the address is the user's.
    pub email_confirmed: bool,
    /// The address that is to take its place once it is confirmed.
    pub pending_email: Option<String>,
    /// Whether the password alone is not enough to sign in.
    pub second_factor: bool,
    /// Whether the site requires that it is not (`SECOND_FACTOR`).
    pub second_factor_required: bool,
    /// The user's role.
    pub role: Role,
    /// When the account was created.
    pub created_at: PrimitiveDateTime,
    /// The last sign-in, this session's included.
    pub last_login_at: Option<PrimitiveDateTime>,
    /// The session that the request came with.
    pub session: CurrentSession,
}

/// The session of a request.
#[derive(Debug, Clone)]
pub struct CurrentSession {
    /// The public session id.
    pub id: String,
    /// What its lifetimes depend on.
    pub kind: SessionKind,
    /// How it was signed in.
    pub method: Method,
    /// Whether it is bound to its device.
    pub is_bound: bool,
    /// When it started.
    pub created_at: PrimitiveDateTime,
    /// When the absolute limit ends it.
    pub absolute_expires_at: PrimitiveDateTime,
    /// Unix seconds at which the password was last given; `None` counts as long ago.
    pub confirmed_at: Option<i64>,
    /// The user's `session_epoch`.
    pub epoch: i64,
    /// Whether it has been raised since the session got its key: the key must be replaced.
    pub has_stale_key: bool,
}

/// Seconds that the clock of another instance may be ahead. A time further in the future was written by a clock that is wrong: it
/// would count for as long as the clock was ahead.
const CLOCK_LEEWAY: i64 = 5;

impl CurrentSession {
    /// Whether the password was given at most this long ago.
    pub fn is_confirmed(&self, max_age: Duration) -> bool {
        let now = unix_now();
        let oldest = now.saturating_sub_unsigned(max_age.as_secs());
        self.confirmed_at.is_some_and(|at| oldest <= at && at <= now.saturating_add(CLOCK_LEEWAY))
    }
}

impl CurrentUser {
    /// The signed-in user, looked up once per request; `None` when the request is not signed in.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read; the request is not treated as signed out then.
    /// [`Error::KeyRotated`] when the session got a new key while the request was on its way. [`Error::ProofSkipped`] when it is bound to a
    /// device whose browser could not have its proof renewed.
    pub async fn find(req: &HttpRequest) -> Result<Option<Rc<Self>>, Error> {
        if let Some(resolved) = Self::resolved(req) {
            return Ok(resolved);
        }
        let current = resolve(req).await?.map(Rc::new);
        if RequestContext::with(|_| ()).is_some() {
            req.extensions_mut().insert(Resolved(current.clone()));
        }
        Ok(current)
    }

    /// The earlier result of [`CurrentUser::find`] in this request; `None` when it was not called.
    pub fn resolved(req: &HttpRequest) -> Option<Option<Rc<Self>>> {
        req.extensions().get::<Resolved>().map(|Resolved(user)| user.clone())
    }

    /// Records who sent a request without the session's cookie.
    pub(super) fn record(req: &HttpRequest, user: Option<Rc<Self>>) {
        req.extensions_mut().insert(Resolved(user));
    }

    /// Whether the user has to set up a second factor first: until then the session is good for nothing else.
    pub fn must_set_up(&self) -> bool {
        self.second_factor_required && !self.second_factor
    }

    /// Whether the user is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// The result of the lookup, kept in the request's extensions.
struct Resolved(Option<Rc<CurrentUser>>);

async fn resolve(req: &HttpRequest) -> Result<Option<CurrentUser>, Error> {
    let context = RequestContext::with(|context| {
        (context.loaded.clone(), context.found.clone(), context.unavailable.clone())
    });
    let (loaded, found, unavailable) = context.unwrap_or_default();
    if let Some(cause) = unavailable {
        return Err(Error::unavailable(cause));
    }
    let (sessions, config) = (shared::<Sessions>(req)?, shared::<Config>(req)?);
    let by_bearer = RequestContext::with(|context| context.by_bearer) == Some(true);
    if let Some(site) = site::of(&config.server, req.head()).filter(|_| !by_bearer) {
        let user = Box::pin(sessions.use_by_site_cookie(req, &site)).await?;
        return Ok(user.map(|user| (*user).clone()));
    }
    // Routes outside of the session middleware have no entry; reading the identity would panic there.
    let user_id = loaded.as_ref().and_then(|_| identity(req));
    let (Some(loaded), Some(user_id)) = (loaded, user_id) else {
        return Box::pin(sessions.check_rotated()).await.map(|()| None);
    };
    let found = match found {
        Some(found) => Some(found),
        None => sessions.lookup.find(loaded.store_key.clone()).await?,
    };
    let found = found.filter(|found| {
        found.session_id == loaded.session_id && found.user_id == user_id && found.absolute_expires_at > now()
    });
    let Some(found) = found else {
        return Box::pin(sessions.check_rotated()).await.map(|()| None);
    };
    if !cookie::is_proven(req.headers(), config, &found) {
        return Box::pin(sessions.refuse_unproven(req, &found, &loaded)).await.map(|()| None);
    }
    RequestContext::with(|context| context.of_admin = found.kind().of_admin);
    if RequestContext::with(|context| context.in_background) != Some(true) {
        sessions.last_seen.record(&found);
        sessions.correct_lifetime(&found, &loaded).await?;
    }
    Ok(Some(CurrentUser::new(&found, &loaded, sessions.config.second_factor)))
}

/// The user id that actix-identity reads from the state.
fn identity(req: &HttpRequest) -> Option<i64> {
    req.get_identity().ok()?.id().ok()?.parse().ok()
}

impl CurrentUser {
    pub(super) fn new(found: &FoundSession, loaded: &LoadedEntry, policy: SecondFactor) -> Self {
        Self {
            id: found.user_id,
            name: found.name.clone(),
            email: found.email.clone(),
            email_confirmed: found.email_confirmed_at.is_some(),
            pending_email: found.pending_email.clone(),
            second_factor: found.second_factor,
            second_factor_required: policy.is_required(found.role == Role::Admin),
            role: found.role,
            created_at: found.user_created_at,
            last_login_at: found.last_login_at,
            session: CurrentSession {
                id: found.session_id.clone(),
                kind: found.kind(),
                method: found.method,
                is_bound: found.bound_at.is_some(),
                created_at: found.created_at,
                absolute_expires_at: found.absolute_expires_at,
                confirmed_at: loaded.confirmed_at,
                epoch: found.session_epoch,
                has_stale_key: loaded.epoch != Some(found.session_epoch),
            },
        }
    }
}

impl FromRequest for CurrentUser {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let current = Self::find(&req).await?.ok_or(Error::SignInFirst)?;
            Ok((*current).clone())
        })
    }
}

/// A signed-in user who is an administrator.
#[derive(Debug, Clone)]
pub struct Administrator(CurrentUser);

impl Administrator {
    /// What is checked again where the answer takes its time.
    pub fn rights(&self) -> AdminRights {
        let CurrentUser { session, second_factor_required, .. } = &self.0;
        AdminRights { session: session.id.clone(), second_factor_required: *second_factor_required }
    }
}

impl Deref for Administrator {
    type Target = CurrentUser;

    fn deref(&self) -> &CurrentUser {
        &self.0
    }
}

impl FromRequest for Administrator {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let user = CurrentUser::from_request(req, payload);
        Box::pin(async move {
            let user = user.await?;
            if user.is_admin() { Ok(Self(user)) } else { Err(Error::administrators_only()) }
        })
    }
}
