//! New session keys. What can fail comes first: the store has the state under a new key before a transaction makes the key valid,
//! and the entry is deleted again when the transaction does not.

use std::time::Duration;

use actix_session::storage::generate_session_key;

use super::{
    catalogue::rows,
    service::{Backend, Sessions},
    store::{
        key::Key,
        state::{SessionState, State},
    },
};
use crate::{clock::unix_now, config::SessionKind, db::DbConnection, error::Error};

/// A key whose state is stored. It is valid once a transaction has recorded it.
pub(super) struct NewKey {
    /// What the cookie will hold.
    pub key: Key,
    /// The state as stored.
    pub state: State,
    /// What the transaction records.
    pub record: KeyRecord,
}

/// What a transaction records of a new key.
#[derive(Debug, Clone)]
pub(super) struct KeyRecord {
    /// The public session id.
    pub session_id: String,
    /// Hex SHA-256 of the key.
    pub store_key: String,
    /// The state as JSON, where the catalogue itself is the store.
    pub state: Option<String>,
}

impl KeyRecord {
    /// Replaces the key that the session has. Returns `false` when the session has ended or no longer has the store key `old`.
    pub(super) fn replace(self, conn: &mut DbConnection, old: &str) -> Result<bool, Error> {
        rows::replace_key(conn, &self.session_id, &self.store_key, old, self.state)
    }
}

impl Sessions {
    /// Stores the state of a session under a new key. `of_admin`: its user is an administrator.
    pub(super) async fn create_key(&self, state: State, of_admin: bool) -> Result<NewKey, Error> {
        let session = SessionState::read(&state).ok_or_else(|| Error::bug("a state without a session"))?;
        let (secret, row_state) = match &self.backend {
            Backend::Redis(redis) => {
                (redis.create(state.clone(), self.time_left(&session, of_admin)).await?, None)
            }
            Backend::Sql => {
                let text = serde_json::to_string(&state).map_err(Error::internal)?;
                (generate_session_key(), Some(text))
            }
        };
        let key = Key::new(secret, SessionKind { remembered: session.remembered, of_admin });
        let store_key = key.store_key();
        // A store that takes entries and does not give them back would make a session that nobody can use.
        if let Backend::Redis(redis) = &self.backend
            && let Err(error) = redis.get_and_renew(&store_key, self.time_left(&session, of_admin)).await
        {
            self.delete_unused(&store_key).await;
            return Err(error);
        }
        Ok(NewKey {
            key,
            state,
            record: KeyRecord { session_id: session.session_id, store_key, state: row_state },
        })
    }

    /// Updates the stored state of a key. Returns `false` when its entry does not exist any more.
    pub(super) async fn update_state(
        &self,
        store_key: String,
        state: &State,
        of_admin: bool,
    ) -> Result<bool, Error> {
        let Some(session) = SessionState::read(state) else {
            return Ok(false);
        };
        match &self.backend {
            Backend::Redis(redis) => {
                redis.update(&store_key, state, self.time_left(&session, of_admin)).await
            }
            Backend::Sql => {
                let text = serde_json::to_string(state).map_err(Error::internal)?;
                self.db.run(move |conn| rows::update_state(conn, &store_key, &text)).await
            }
        }
    }

    /// Deletes an entry that no session refers to any more. Returns `false` when it did not exist.
    pub(super) async fn delete_unused(&self, store_key: &str) -> bool {
        let Backend::Redis(redis) = &self.backend else {
            return true;
        };
        redis.delete(store_key).await.unwrap_or_else(|error| {
            log_undeleted(&error);
            true
        })
    }

    /// The rolling lifetime, limited by the absolute one; at least a second.
    fn time_left(&self, session: &SessionState, of_admin: bool) -> Duration {
        let now = unix_now();
        let left = u64::try_from(session.absolute_end - now).unwrap_or(0).max(1);
        let kind = SessionKind { remembered: session.remembered, of_admin };
        self.config.ttl(kind).min(Duration::from_secs(left))
    }
}

/// Logs that an unused entry was not deleted. No session refers to it, so it can't be used to sign in; it expires.
pub(super) fn log_undeleted(error: &Error) {
    tracing::warn!(error = ?error.causes(), "an unused session entry is left to expire");
}
