//! Sessions by their store key: that of a request that came without the session's cookie, since another host of this site keeps the
//! store key sealed; and the one that a request has just started.

use std::{rc::Rc, sync::Arc};

use actix_web::HttpRequest;
use time::PrimitiveDateTime;

use super::current::{CurrentSession, CurrentUser};
use crate::{
    clock::now,
    config::SessionKind,
    error::Error,
    sessions::{
        duration::time_duration,
        found_session::FoundSession,
        request_context::{LoadedEntry, RequestContext},
        service::{Backend, Sessions},
    },
    web::accept::is_in_background,
};

/// The store key of the session that the request's cookie led to.
pub fn current_store_key() -> Option<String> {
    RequestContext::with(|context| context.loaded.as_ref().map(|loaded| loaded.store_key.clone()))?
}

/// The entry of a session whose state was not read.
fn entry(store_key: String, session_id: String) -> LoadedEntry {
    LoadedEntry { store_key, key_of_admin: false, session_id, confirmed_at: None, epoch: None }
}

impl Sessions {
    /// Starts the lifetime in the store once more where the role has changed since the session got its key: reading the entry has
    /// started that of the role before. At the next page the session gets a new key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store can't be reached.
    pub(super) async fn correct_lifetime(
        &self,
        found: &FoundSession,
        loaded: &LoadedEntry,
    ) -> Result<(), Error> {
        let kind = found.kind();
        let ttl = self.config.ttl(kind);
        if let Backend::Redis(redis) = &self.backend
            && ttl != self.config.ttl(SessionKind { of_admin: loaded.key_of_admin, ..kind })
        {
            Box::pin(redis.get_and_renew(&loaded.store_key, ttl)).await?;
        }
        Ok(())
    }

    /// Whoever this request has signed in, with the session that it has started; `None`: it has started none, or that one has ended
    /// already.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn just_started(&self) -> Result<Option<CurrentUser>, Error> {
        let record = RequestContext::with(|context| Some(context.new_key.as_ref()?.record.clone()));
        let Some(record) = record.flatten() else {
            return Ok(None);
        };
        let found = self.lookup.find(record.store_key.clone()).await?;
        let (store_key, session_id) = (record.store_key, record.session_id);
        let loaded = entry(store_key, session_id);
        Ok(found.map(|found| CurrentUser::new(&found, &loaded, self.config.second_factor)))
    }

    /// When a session that is used now expires, unless it is used again.
    pub fn expires_at(&self, session: &CurrentSession) -> PrimitiveDateTime {
        let ttl = time_duration(self.config.ttl(session.kind));
        now().saturating_add(ttl).min(session.absolute_expires_at)
    }

    /// Finds the user of the session that has this store key now, and notes both as those of the request. It counts as use of the
    /// session, as a request with its cookie does. `None` when the session has ended or has another key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn use_by_store_key(
        &self,
        req: &HttpRequest,
        store_key: String,
    ) -> Result<Option<Rc<CurrentUser>>, Error> {
        match self.lookup.find(store_key).await? {
            Some(found) => self.use_found(req, &found).await,
            None => Ok(None),
        }
    }

    /// The same for a session that was found. A request in the background is no use.
    pub(super) async fn use_found(
        &self,
        req: &HttpRequest,
        found: &Arc<FoundSession>,
    ) -> Result<Option<Rc<CurrentUser>>, Error> {
        let (store_key, in_background) = (found.store_key.clone(), is_in_background(req.head()));
        let is_stored = match &self.backend {
            Backend::Redis(redis) if in_background => redis.get(&store_key).await?.is_some(),
            Backend::Redis(redis) => {
                redis.get_and_renew(&store_key, self.config.ttl(found.kind())).await?.is_some()
            }
            Backend::Sql => found.state.is_some() && found.expires_at > now(),
        };
        if !is_stored || found.absolute_expires_at <= now() {
            return Ok(None);
        }
        if !in_background {
            self.last_seen.record(found);
        }
        let session_id = found.session_id.clone();
        let loaded = entry(store_key, session_id);
        let user = Rc::new(CurrentUser::new(found, &loaded, self.config.second_factor));
        CurrentUser::record(req, Some(Rc::clone(&user)));
        Ok(Some(user))
    }
}
