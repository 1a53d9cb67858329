//! The signed-in user of a request: key → state → one query that joins session and user.

use std::{future::Future, ops::Deref, pin::Pin, rc::Rc, time::Duration};

use actix_identity::IdentityExt as _;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{
    app::Site,
    db::now,
    error::Error,
    sessions::{
        lookup::Found,
        request_context::{Loaded, Visit},
    },
    users::Role,
};

/// Who is signed in, as of this request.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// The user's id.
    pub id: i64,
    /// The user's name.
    pub name: String,
    /// The address as the user typed it.
    pub email: String,
    /// What the user may do.
    pub role: Role,
    /// When the account was made.
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
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// When it began.
    pub created_at: PrimitiveDateTime,
    /// When it ends whatever happens.
    pub absolute_expires_at: PrimitiveDateTime,
    /// Unix seconds at which the password was last given; `None` counts as long ago.
    pub confirmed_at: Option<i64>,
    /// The user's `session_epoch`, where the session's key is older than it: the key is to be replaced.
    pub behind: Option<i64>,
}

impl CurrentSession {
    /// Whether the password was given within this time.
    pub fn is_confirmed(&self, within: Duration) -> bool {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        // Another instance's clock may be ahead of ours.
        let age = self.confirmed_at.map(|at| u64::try_from(now.saturating_sub(at)).unwrap_or(0));
        age.is_some_and(|age| age <= within.as_secs())
    }
}

impl CurrentUser {
    /// The signed-in user, looked up once per request; `None`: nobody.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't tell. Never taken for "nobody".
    pub async fn find(req: &HttpRequest) -> Result<Option<Rc<Self>>, Error> {
        if let Some(known) = Visit::with(|visit| visit.current.clone()).flatten() {
            return Ok(known);
        }
        let current = resolve(req).await?.map(Rc::new);
        Visit::with(|visit| visit.current = Some(current.clone()));
        Ok(current)
    }

    /// Whether the user is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

async fn resolve(req: &HttpRequest) -> Result<Option<CurrentUser>, Error> {
    let (loaded, found, unavailable) =
        Visit::with(|visit| (visit.loaded.clone(), visit.found.clone(), visit.unavailable))
            .unwrap_or_default();
    if unavailable {
        return Err(Error::unavailable("the session could not be read"));
    }
    // Also for routes outside of the session's middleware, where asking for the identity would panic.
    let Some(loaded) = loaded else { return Ok(None) };
    let Some(identity) = identity(req) else { return Ok(None) };
    let sessions = &Site::of(req)?.sessions;
    let found = match found {
        Some(found) => Some(found),
        None => sessions.lookup.find(loaded.store_key.clone()).await?,
    };
    let found = found.filter(|found| {
        found.session_id == loaded.session_id
            && found.user_id == identity
            && found.absolute_expires_at > now()
    });
    let Some(found) = found else {
        return Ok(None);
    };
    if Visit::with(|visit| visit.in_background) != Some(true) {
        sessions.seen.note(&found);
    }
    Ok(Some(CurrentUser::new(&found, &loaded)))
}

/// The user id that actix-identity reads from the state.
fn identity(req: &HttpRequest) -> Option<i64> {
    req.get_identity().ok()?.id().ok()?.parse().ok()
}

impl CurrentUser {
    fn new(found: &Found, loaded: &Loaded) -> Self {
        Self {
            id: found.user_id,
            name: found.name.clone(),
            email: found.email.clone(),
            role: Role::parse(&found.role).unwrap_or(Role::User),
            created_at: found.user_created_at,
            last_login_at: found.last_login_at,
            session: CurrentSession {
                id: found.session_id.clone(),
                remembered: found.remembered,
                created_at: found.created_at,
                absolute_expires_at: found.absolute_expires_at,
                confirmed_at: loaded.confirmed_at,
                behind: (loaded.epoch != Some(found.session_epoch)).then_some(found.session_epoch),
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
