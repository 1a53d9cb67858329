//! The one [`SessionStore`] of the application: wraps Redis or the database, and keeps the promise that an
//! ended session stays ended whatever was under way.
//!
//! Reading renews and never makes an entry. Changing an entry that is gone does nothing. A new entry counts only
//! once one conditional update has recorded its key in the catalogue, where `ended_at IS NULL` and the
//! session still has the key that the request came with; otherwise the entry is taken back.

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

/// What actix-session's middleware is given.
#[derive(Clone)]
pub struct Store {
    sessions: Arc<Sessions>,
    /// Redis over a connection of this thread.
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
    /// A store that can't be read is noted in the visit, not reported here: public pages go on without it,
    /// and whoever asks for the user answers 503.
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
        self.sessions.save(state).await.map_err(|error| SaveError::Other(failed(error)))
    }

    async fn update(
        &self,
        session_key: SessionKey,
        state: State,
        _: &CookieDuration,
    ) -> Result<SessionKey, UpdateError> {
        let remembered = Key::parse(session_key.as_ref()).map(|key| key.remembered);
        let changed = self.sessions.change(&session_key, state).await;
        let changed = changed.map_err(|error| UpdateError::Other(failed(error)))?;
        RequestContext::with(|context| {
            context.saved = remembered;
            context.abandoned |= !changed;
        });
        Ok(session_key)
    }

    /// Nothing: reading has renewed the entry already.
    async fn update_ttl(&self, _: &SessionKey, _: &CookieDuration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), anyhow::Error> {
        if RequestContext::with(|context| context.rotating).unwrap_or(false) {
            return Ok(());
        }
        if let (Backend::Redis(redis), Some(key)) = (&self.sessions.backend, Key::parse(session_key.as_ref()))
            && let Err(error) = redis.delete_by_key(key).await
        {
            left_to_expire(&error);
        }
        Ok(())
    }
}

/// An entry that no session refers to any more can't sign anybody in.
fn left_to_expire(error: &Error) {
    tracing::warn!(error = ?error.causes(), "an unused session entry is left to expire");
}

/// Notes in the visit that the answer must be 503.
fn failed(error: Error) -> anyhow::Error {
    RequestContext::with(|context| context.unavailable = true);
    anyhow::Error::msg(error.causes())
}

impl Store {
    async fn load_entry(&self, key: &Key) -> Result<Option<State>, Error> {
        let sessions = &self.sessions;
        let store_key = key.store_key();
        let in_background = RequestContext::with(|context| context.in_background);
        let text = match &self.redis {
            Some(redis) if in_background == Some(true) => redis.get(&store_key).await?,
            Some(redis) => redis.read(&store_key, sessions.config.ttl(key.remembered)).await?,
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
        let Some(established) = SessionState::read(&state).filter(|established| !established.is_over())
        else {
            return Ok(None);
        };
        let loaded = LoadedEntry {
            store_key,
            session_id: established.session_id,
            confirmed_at: established.confirmed_at,
            epoch: established.epoch,
        };
        RequestContext::with(|context| context.loaded = Some(loaded));
        Ok(Some(state))
    }
}

impl Sessions {
    async fn save(&self, state: State) -> Result<SessionKey, Error> {
        let established =
            SessionState::read(&state).ok_or_else(|| Error::bug("a state without a session"))?;
        let remembered = established.remembered;
        let loaded = RequestContext::with(|context| context.loaded.clone()).flatten();
        let old = loaded.as_ref().filter(|loaded| loaded.session_id == established.session_id);
        let old = old.map(|loaded| loaded.store_key.clone());
        let is_rotation = old.is_some();
        let (key, recorded) = match &self.backend {
            Backend::Redis(redis) => {
                let inner = redis.create(state, self.time_left(&established)).await?;
                let key = Key::new(inner, remembered);
                let recorded = self.record(&established, &key, old, None).await;
                if !matches!(recorded, Ok(true)) {
                    self.drop_entry(&key.store_key()).await;
                }
                (key, recorded?)
            }
            Backend::Sql => {
                let key = Key::new(generate_session_key(), remembered);
                let text = serde_json::to_string(&state).map_err(Error::internal)?;
                let recorded = self.record(&established, &key, old, Some(text)).await?;
                (key, recorded)
            }
        };
        let mut counts = recorded;
        if recorded && !is_rotation {
            self.bus.started(&established.session_id);
        }
        if recorded && let Some(loaded) = loaded {
            let was_there = self.drop_entry(&loaded.store_key).await;
            // Somebody deleted the entry that this one replaces: that signs the browser out, also under a new key.
            if is_rotation && !was_there {
                self.drop_entry(&key.store_key()).await;
                counts = false;
            }
        }
        RequestContext::with(|context| {
            context.saved = Some(remembered);
            context.abandoned |= !counts;
        });
        key.into_cookie().ok_or_else(|| Error::bug("a session key that is too long"))
    }

    /// The conditional update that makes a key count; `false` when the session has ended or been rotated.
    async fn record(
        &self,
        established: &SessionState,
        key: &Key,
        old: Option<String>,
        state: Option<String>,
    ) -> Result<bool, Error> {
        let (id, new) = (established.session_id.clone(), key.store_key());
        self.db.run(move |conn| rows::record_key(conn, &id, &new, old.as_deref(), state)).await
    }

    async fn change(&self, session_key: &SessionKey, state: State) -> Result<bool, Error> {
        let Some(key) = Key::parse(session_key.as_ref()) else {
            return Ok(false);
        };
        let store_key = key.store_key();
        let Some(established) = SessionState::read(&state) else {
            return Ok(false);
        };
        match &self.backend {
            Backend::Redis(redis) => redis.change(&store_key, &state, self.time_left(&established)).await,
            Backend::Sql => {
                let text = serde_json::to_string(&state).map_err(Error::internal)?;
                self.db.run(move |conn| rows::change_state(conn, &store_key, &text)).await
            }
        }
    }

    /// Deletes an entry that no session refers to any more; `false`: it was gone already.
    async fn drop_entry(&self, store_key: &str) -> bool {
        let Backend::Redis(redis) = &self.backend else {
            return true;
        };
        redis.delete(store_key).await.unwrap_or_else(|error| {
            left_to_expire(&error);
            true
        })
    }

    /// The rolling lifetime, cut at the absolute limit; at least a second.
    fn time_left(&self, established: &SessionState) -> Duration {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let left = u64::try_from(established.absolute_end - now).unwrap_or(0).max(1);
        self.config.ttl(established.remembered).min(Duration::from_secs(left))
    }
}
