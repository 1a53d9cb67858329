//! The application's [`SessionStore`]: wraps Redis or the database, and guarantees that an ended session stays ended, whatever
//! requests are in flight.
//!
//! Reading renews an entry and never creates one. Updating a missing entry does nothing. A new entry is valid only once one
//! conditional update has recorded its key in the catalogue, where `ended_at IS NULL` and the session still has the key that
//! the request came with; otherwise the new entry is deleted. The writing is in `save_state`.

use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration as CookieDuration;

use crate::{
    clock::now,
    error::Error,
    sessions::{
        new_key::log_undeleted,
        request_context::{LoadedEntry, RequestContext},
        service::{Backend, Sessions},
        store::{
            key::Key,
            redis::Redis,
            state::{SessionState, State},
        },
    },
};

/// The store that actix-session's middleware uses.
#[derive(Clone)]
pub struct Store {
    sessions: Arc<Sessions>,
    /// Redis with a link of this thread; `None` where the catalogue itself is the store.
    redis: Option<Redis>,
}

impl Store {
    /// A store for the requests of the calling thread.
    pub fn on_this_thread(sessions: Arc<Sessions>) -> Self {
        let redis = match &sessions.backend {
            Backend::Redis(redis) => Some(redis.with_thread_link()),
            Backend::Sql => None,
        };
        Self { sessions, redis }
    }
}

impl SessionStore for Store {
    /// Records in the request's context that the store can't be read, instead of returning the error: public pages need no
    /// session, and routes that look up the user answer 503.
    async fn load(&self, session_key: &SessionKey) -> Result<Option<State>, LoadError> {
        let Some(key) = Key::parse(session_key.as_ref()) else {
            return Ok(None);
        };
        match self.load_entry(&key).await {
            Ok(Some(state)) => Ok(Some(state)),
            Ok(None) => {
                RequestContext::with(|context| context.dead_keys.push(key.store_key()));
                Ok(None)
            }
            Err(error) => {
                tracing::warn!(error = ?error.causes(), "a session could not be read");
                RequestContext::with(|context| context.unavailable = Some(error.cause()));
                Ok(None)
            }
        }
    }

    async fn save(&self, state: State, _: &CookieDuration) -> Result<SessionKey, SaveError> {
        Box::pin(self.sessions.save(state)).await.map_err(|error| SaveError::Other(unavailable(error)))
    }

    async fn update(
        &self,
        session_key: SessionKey,
        state: State,
        _: &CookieDuration,
    ) -> Result<SessionKey, UpdateError> {
        let key = Key::parse(session_key.as_ref());
        let kind = key.as_ref().map(|key| key.kind);
        let updated = match key {
            Some(key) => {
                Box::pin(self.sessions.update_state(key.store_key(), &state, key.kind.of_admin)).await
            }
            None => Ok(false),
        };
        let updated = match updated {
            Err(error) if RequestContext::with(|context| context.only_epoch_changed) == Some(true) => {
                tracing::warn!(error = ?error.causes(), "a session gets a new key at its next request");
                false
            }
            updated => updated.map_err(|error| UpdateError::Other(unavailable(error)))?,
        };
        RequestContext::with(|context| {
            context.saved = kind;
            context.abandoned |= !updated;
        });
        Ok(session_key)
    }

    /// Does nothing: reading has renewed the entry already.
    async fn update_ttl(&self, _: &SessionKey, _: &CookieDuration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    /// Deletes the entry, unless the session gets a new key: then the old entry is deleted once the new key is recorded.
    async fn delete(&self, session_key: &SessionKey) -> Result<(), anyhow::Error> {
        let gets_new_key =
            |context: &mut RequestContext| context.rotation.is_some() || context.new_key.is_some();
        if RequestContext::with(gets_new_key).unwrap_or(false) {
            return Ok(());
        }
        if let (Backend::Redis(redis), Some(key)) = (&self.sessions.backend, Key::parse(session_key.as_ref()))
            && let Err(error) = Box::pin(redis.delete_by_key(key)).await
        {
            log_undeleted(&error);
        }
        Ok(())
    }
}

/// Records in the request's context that the response must be a 503.
fn unavailable(error: Error) -> anyhow::Error {
    RequestContext::with(|context| context.unavailable = Some(error.cause()));
    anyhow::Error::msg(error.causes())
}

impl Store {
    /// Reads the state that a key leads to, and records in the request's context what was loaded.
    async fn load_entry(&self, key: &Key) -> Result<Option<State>, Error> {
        let sessions = &self.sessions;
        let store_key = key.store_key();
        let in_background = RequestContext::with(|context| context.in_background);
        let text = match &self.redis {
            Some(redis) if in_background == Some(true) => redis.get(&store_key).await?,
            Some(redis) => redis.get_and_renew(&store_key, sessions.config.ttl(key.kind)).await?,
            None => {
                let found = sessions.lookup.find(store_key.clone()).await?;
                let found = found.filter(|found| found.expires_at > now());
                let text = found.as_ref().and_then(|found| found.state.clone());
                RequestContext::with(|context| context.found = found);
                text
            }
        };
        let Some(state) = text.and_then(|text| serde_json::from_str::<State>(&text).ok()) else {
            return Ok(None);
        };
        let Some(session) = SessionState::read(&state).filter(|session| !session.is_expired()) else {
            return Ok(None);
        };
        let loaded = LoadedEntry {
            store_key,
            key_of_admin: key.kind.of_admin,
            session_id: session.session_id,
            confirmed_at: session.confirmed_at,
            epoch: session.epoch,
        };
        RequestContext::with(|context| context.loaded = Some(loaded));
        Ok(Some(state))
    }
}
