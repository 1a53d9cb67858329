//! Requests that bring the cookie of a session which is bound to a device, and no proof that they come from there. Nobody is signed in by
//! them, and the session stays as it is: its own browser proves it before its next request.

use std::{rc::Rc, time::Duration};

use actix_web::{HttpMessage as _, HttpRequest, cookie::Cookie, http::header::HeaderMap};

use super::current::CurrentUser;
use crate::{
    clock::now,
    config::Config,
    error::Error,
    security::binding,
    sessions::{
        binding::cookie,
        found_session::FoundSession,
        request_context::{LoadedEntry, RequestContext},
        service::{Backend, Sessions},
    },
};

/// What people are told whose browser has not proven that it is theirs.
const SENTENCE: &str = "This browser did not show that it is the one in which you signed in, so sign in again. Your session was not changed.";

/// In the request's extensions: whose session the cookie leads to.
struct Unproven(Rc<CurrentUser>);

impl CurrentUser {
    /// The user whose session a request may end or replace: whoever is signed in, or would be with a proof of the session's key. Of the
    /// latter nothing may be shown.
    ///
    /// # Errors
    /// As [`CurrentUser::find`], but that a proof was skipped.
    pub async fn find_to_end(req: &HttpRequest) -> Result<Option<Rc<Self>>, Error> {
        let unproven = || req.extensions().get::<Unproven>().map(|Unproven(user)| Rc::clone(user));
        match Self::find(req).await {
            Ok(None) | Err(Error::ProofSkipped) => Ok(unproven()),
            found => found,
        }
    }
}

/// What is said to somebody whose browser has not proven the key of its session.
pub fn unproven_sentence() -> Option<&'static str> {
    RequestContext::with(|context| context.is_unproven).filter(|is_unproven| *is_unproven).map(|_| SENTENCE)
}

impl Sessions {
    /// Notes that a request has brought no proof for the session that it is of. The lifetime in the store, which reading the entry has
    /// begun anew, ends when it would have.
    ///
    /// # Errors
    /// [`Error::ProofSkipped`] when the browser says that it could not have the proof renewed; [`Error::Unavailable`] when the store can't
    /// be reached.
    pub(super) async fn refuse_unproven(
        &self,
        req: &HttpRequest,
        found: &FoundSession,
        loaded: &LoadedEntry,
    ) -> Result<(), Error> {
        let in_background = RequestContext::with(|context| {
            context.is_unproven = true;
            context.in_background
        }) == Some(true);
        let left = Duration::try_from(found.expires_at - now()).unwrap_or_default();
        if let Backend::Redis(redis) = &self.backend
            && !in_background
            && left < self.config.ttl(found.kind())
            && !left.is_zero()
        {
            redis.get_and_renew(&loaded.store_key, left).await?;
        }
        let user = CurrentUser::new(found, loaded, self.config.second_factor);
        req.extensions_mut().insert(Unproven(Rc::new(user)));
        match binding::is_skipped(req.headers(), &found.session_id) {
            true => Err(Error::ProofSkipped),
            false => Ok(()),
        }
    }
}

/// The removal of a cookie that counts no more though its browser has kept it: without it the browser proves its key before the next
/// request.
pub(super) fn removal(
    headers: &HeaderMap,
    config: &Config,
    context: &RequestContext,
) -> Option<Cookie<'static>> {
    (context.is_unproven && cookie::is_sent(headers, config)).then(|| cookie::removal(config))
}
