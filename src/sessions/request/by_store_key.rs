//! The session of a request that came without the session's cookie: another host of this site knows it by its store key, which it
//! keeps sealed.

use std::rc::Rc;

use actix_web::HttpRequest;

use super::current::CurrentUser;
use crate::{
    clock::now,
    error::Error,
    sessions::{
        request_context::{LoadedEntry, RequestContext},
        service::{Backend, Sessions},
    },
};

/// The store key of the session that the request's cookie led to.
pub fn current_store_key() -> Option<String> {
    RequestContext::with(|context| context.loaded.as_ref().map(|loaded| loaded.store_key.clone()))?
}

impl Sessions {
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
        let Some(found) = self.lookup.find(store_key.clone()).await? else {
            return Ok(None);
        };
        let is_stored = match &self.backend {
            Backend::Redis(redis) => {
                redis.get_and_renew(&store_key, self.config.ttl(found.remembered)).await?.is_some()
            }
            Backend::Sql => found.expires_at > now(),
        };
        if !is_stored || found.absolute_expires_at <= now() {
            return Ok(None);
        }
        self.last_seen.record(&found);
        let session_id = found.session_id.clone();
        let loaded = LoadedEntry { store_key, session_id, confirmed_at: None, epoch: None };
        let user = Rc::new(CurrentUser::new(&found, &loaded));
        CurrentUser::record(req, Some(Rc::clone(&user)));
        Ok(Some(user))
    }
}
