//! Writes the state of a request's session: under a new key after a sign-in or a rotation, else under the key that it has.

use std::time::Duration;

use actix_session::storage::{SessionKey, generate_session_key};

use crate::{
    error::Error,
    sessions::{
        catalogue::rows,
        request_context::RequestContext,
        service::{Backend, Sessions},
        store::{
            key::Key,
            state::{SessionState, State},
        },
    },
};

impl Sessions {
    /// Stores the state under a new key, and deletes the entry that the request came with.
    pub(super) async fn save(&self, state: State) -> Result<SessionKey, Error> {
        let session = SessionState::read(&state).ok_or_else(|| Error::bug("a state without a session"))?;
        let loaded = RequestContext::with(|context| context.loaded.clone()).flatten();
        let old_key = loaded.as_ref().filter(|loaded| loaded.session_id == session.session_id);
        let old_key = old_key.map(|loaded| loaded.store_key.clone());
        let is_rotation = old_key.is_some();
        let user = SessionState::user_id(&state).ok_or_else(|| Error::bug("a state without a user"))?;
        let (key, recorded) = self.store_new(&session, state, old_key).await?;
        let mut valid = recorded;
        if recorded && !is_rotation {
            self.bus.started(&session.session_id, user);
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
    pub(super) async fn update(&self, session_key: &SessionKey, state: State) -> Result<bool, Error> {
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

/// Logs that an unused entry was not deleted. No session refers to it, so it can't be used to sign in; it expires.
pub(super) fn log_undeleted(error: &Error) {
    tracing::warn!(error = ?error.causes(), "an unused session entry is left to expire");
}
