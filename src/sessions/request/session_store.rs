//! The application's [`SessionStore`]: wraps Redis or the database, and guarantees that an ended session stays ended, whatever
//! requests are in flight.
//!
//! Reading renews an entry and never creates one. Updating a missing entry does nothing. A new entry is valid only once one
//! conditional update has recorded its key in the catalogue, where `ended_at IS NULL` and the session still has the key that
//! the request came with; otherwise the new entry is deleted.

use std::{sync::Arc, time::Duration};

use actix_session::storage::{
    LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use actix_web::cookie::time::Duration as CookieDuration;

use crate::{
    clock::now,
    error::Error,
    sessions::{
        catalogue::rows,
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
                RequestContext::with(|context| context.dead_key = Some(key.store_key()));
                Ok(None)
            }
            Err(error) => {
                tracing::warn!(error = ?error.causes(), "a session could not be read");
                RequestContext::with(|context| context.unavailable = true);
                Ok(None)
            }
        }
    }

    async fn save(&self, state: State, _: &CookieDuration) -> Result<SessionKey, SaveError> {
        self.sessions.save(state).await.map_err(|error| SaveError::Other(unavailable(error)))
    }

    async fn update(
        &self,
        session_key: SessionKey,
        state: State,
        _: &CookieDuration,
    ) -> Result<SessionKey, UpdateError> {
        let remembered = Key::parse(session_key.as_ref()).map(|key| key.remembered);
        let updated = self.sessions.update(&session_key, state).await;
        let updated = updated.map_err(|error| UpdateError::Other(unavailable(error)))?;
        RequestContext::with(|context| {
            context.saved = remembered;
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
        if RequestContext::with(|context| context.rotating).unwrap_or(false) {
            return Ok(());
        }
        if let (Backend::Redis(redis), Some(key)) = (&self.sessions.backend, Key::parse(session_key.as_ref()))
            && let Err(error) = redis.delete_by_key(key).await
        {
            log_undeleted(&error);
        }
        Ok(())
    }
}

/// Logs that an unused entry was not deleted. No session refers to it, so it can't be used to sign in; it expires.
fn log_undeleted(error: &Error) {
    tracing::warn!(error = ?error.causes(), "an unused session entry is left to expire");
}

/// Records in the request's context that the response must be a 503.
fn unavailable(error: Error) -> anyhow::Error {
    RequestContext::with(|context| context.unavailable = true);
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
            Some(redis) => redis.get_and_renew(&store_key, sessions.config.ttl(key.remembered)).await?,
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
            session_id: session.session_id,
            confirmed_at: session.confirmed_at,
            epoch: session.epoch,
        };
        RequestContext::with(|context| context.loaded = Some(loaded));
        Ok(Some(state))
    }
}

impl Sessions {
    /// Stores the state under a new key, and deletes the entry that the request came with.
    async fn save(&self, state: State) -> Result<SessionKey, Error> {
        let session = SessionState::read(&state).ok_or_else(|| Error::bug("a state without a session"))?;
        let loaded = RequestContext::with(|context| context.loaded.clone()).flatten();
        let old_key = loaded.as_ref().filter(|loaded| loaded.session_id == session.session_id);
        let old_key = old_key.map(|loaded| loaded.store_key.clone());
        let is_rotation = old_key.is_some();
        let (key, recorded) = self.store_new(&session, state, old_key).await?;
        let mut valid = recorded;
        if recorded && !is_rotation {
            self.bus.started(&session.session_id);
        }
        if recorded && let Some(loaded) = loaded {
            let existed = self.delete_unused(&loaded.store_key).await;
            // The entry that this one replaces was deleted meanwhile: that signs the browser out under the new key too.
            if is_rotation && !existed {
                self.delete_unused(&key.store_key()).await;
                valid = false;
            }
        }
        RequestContext::with(|context| {
            context.saved = Some(session.remembered);
            context.abandoned |= !valid;
        });
        key.into_cookie().ok_or_else(|| Error::bug("a session key that is too long"))
    }

    /// Stores the state under a new key and records the key. Returns the key and whether it was recorded.
    async fn store_new(
        &self,
        session: &SessionState,
        state: State,
        old_key: Option<String>,
    ) -> Result<(Key, bool), Error> {
        match &self.backend {
            Backend::Redis(redis) => {
                let secret = redis.create(state, self.time_left(session)).await?;
                let key = Key::new(secret, session.remembered);
                let recorded = self.record_key(session, &key, old_key, None).await;
                if !matches!(recorded, Ok(true)) {
                    self.delete_unused(&key.store_key()).await;
                }
                Ok((key, recorded?))
            }
            Backend::Sql => {
                let key = Key::new(generate_session_key(), session.remembered);
                let text = serde_json::to_string(&state).map_err(Error::internal)?;
                let recorded = self.record_key(session, &key, old_key, Some(text)).await?;
                Ok((key, recorded))
            }
        }
    }

    /// The conditional update that makes a key valid. Returns `false` when the session has ended or was rotated meanwhile.
    async fn record_key(
        &self,
        session: &SessionState,
        key: &Key,
        old_key: Option<String>,
        state: Option<String>,
    ) -> Result<bool, Error> {
        let (id, new_key) = (session.session_id.clone(), key.store_key());
        self.db.run(move |conn| rows::record_key(conn, &id, &new_key, old_key.as_deref(), state)).await
    }

    /// Updates the stored state. Returns `false` when the entry does not exist any more.
    async fn update(&self, session_key: &SessionKey, state: State) -> Result<bool, Error> {
        let Some(key) = Key::parse(session_key.as_ref()) else {
            return Ok(false);
        };
        let store_key = key.store_key();
        let Some(session) = SessionState::read(&state) else {
            return Ok(false);
        };
        match &self.backend {
            Backend::Redis(redis) => redis.update(&store_key, &state, self.time_left(&session)).await,
            Backend::Sql => {
                let text = serde_json::to_string(&state).map_err(Error::internal)?;
                self.db.run(move |conn| rows::update_state(conn, &store_key, &text)).await
            }
        }
    }

    /// Deletes an entry that no session refers to any more. Returns `false` when it did not exist.
    async fn delete_unused(&self, store_key: &str) -> bool {
        let Backend::Redis(redis) = &self.backend else {
            return true;
        };
        redis.delete(store_key).await.unwrap_or_else(|error| {
            log_undeleted(&error);
            true
        })
    }

    /// The rolling lifetime, limited by the absolute one; at least a second.
    fn time_left(&self, session: &SessionState) -> Duration {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let left = u64::try_from(session.absolute_end - now).unwrap_or(0).max(1);
        self.config.ttl(session.remembered).min(Duration::from_secs(left))
    }
}
