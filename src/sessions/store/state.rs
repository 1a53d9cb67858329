//! The stored state of a session, as readable JSON: the user's id (actix-identity's entries), the session's id and what the
//! sign-in established. It never contains a name, a role or anything about the password.

use std::collections::HashMap;

use actix_session::Session;
use time::OffsetDateTime;

use crate::error::Error;

/// The name that actix-identity uses.
const USER_ID: &str = "actix_identity.user_id";
const SESSION_ID: &str = "session_id";
const REMEMBERED: &str = "remembered";
const ABSOLUTE_END: &str = "absolute_end";
const CONFIRMED_AT: &str = "confirmed_at";
const EPOCH: &str = "epoch";

/// actix-session's state: entries of JSON text.
pub(crate) type State = HashMap<String, String>;

/// The typed view of Gatehouse's own entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// The public session id.
    pub session_id: String,
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// Unix seconds at which the absolute limit ends the session.
    pub absolute_end: i64,
    /// Unix seconds at which the password was last given; `None`: at an unknown time, which counts as long ago.
    pub confirmed_at: Option<i64>,
    /// The user's `session_epoch` when this session got its key. When the user's has changed, the session needs a new key.
    pub epoch: Option<i64>,
}

impl SessionState {
    /// Reads the entries; `None` when one that every session has is missing or malformed.
    pub fn read(state: &State) -> Option<Self> {
        Some(Self {
            session_id: entry(state, SESSION_ID)?,
            remembered: entry(state, REMEMBERED)?,
            absolute_end: entry(state, ABSOLUTE_END)?,
            confirmed_at: entry(state, CONFIRMED_AT),
            epoch: entry(state, EPOCH),
        })
    }

    /// The id of the state's user, which actix-identity writes as text.
    pub fn user_id(state: &State) -> Option<i64> {
        entry::<String>(state, USER_ID)?.parse().ok()
    }

    /// Writes the entries into the session of a request.
    ///
    /// # Errors
    /// [`Error::Internal`] when an entry can't be serialized.
    pub fn write(&self, session: &Session) -> Result<(), Error> {
        session.insert(SESSION_ID, &self.session_id).map_err(Error::internal)?;
        session.insert(REMEMBERED, self.remembered).map_err(Error::internal)?;
        session.insert(ABSOLUTE_END, self.absolute_end).map_err(Error::internal)?;
        if let Some(epoch) = self.epoch {
            Self::record_epoch(session, epoch)?;
        }
        match self.confirmed_at {
            Some(at) => session.insert(CONFIRMED_AT, at).map_err(Error::internal),
            None => Ok(()),
        }
    }

    /// Writes that the password was given now.
    ///
    /// # Errors
    /// [`Error::Internal`] when the entry can't be serialized.
    pub fn record_confirmation(session: &Session) -> Result<(), Error> {
        let at = OffsetDateTime::now_utc().unix_timestamp();
        session.insert(CONFIRMED_AT, at).map_err(Error::internal)
    }

    /// Writes the user's `session_epoch` that the session's key is valid for.
    ///
    /// # Errors
    /// [`Error::Internal`] when the entry can't be serialized.
    pub fn record_epoch(session: &Session, epoch: i64) -> Result<(), Error> {
        session.insert(EPOCH, epoch).map_err(Error::internal)
    }

    /// The whole state of this user's session as stored JSON, made without a request. Without confirmation and epoch.
    pub fn into_json(self, user_id: i64) -> String {
        let entries = [
            (USER_ID, serde_json::json!(user_id.to_string())),
            (SESSION_ID, self.session_id.into()),
            (REMEMBERED, self.remembered.into()),
            (ABSOLUTE_END, self.absolute_end.into()),
        ];
        let state: State =
            entries.into_iter().map(|(name, value)| (name.into(), value.to_string())).collect();
        serde_json::json!(state).to_string()
    }

    /// Whether the absolute limit has passed.
    pub fn is_expired(&self) -> bool {
        OffsetDateTime::now_utc().unix_timestamp() >= self.absolute_end
    }
}

fn entry<T: serde::de::DeserializeOwned>(state: &State, name: &str) -> Option<T> {
    serde_json::from_str(state.get(name)?).ok()
}
