//! What the store holds of a session, as readable JSON: which user (actix-identity's entries), which session,
//! and what the sign-in established. Never a name, a role or anything of the password.

use std::collections::HashMap;

use actix_session::Session;
use time::OffsetDateTime;

use crate::error::Error;

/// actix-identity's own name.
const USER_ID: &str = "actix_identity.user_id";
const SESSION_ID: &str = "session_id";
const REMEMBERED: &str = "remembered";
const ABSOLUTE_END: &str = "absolute_end";
const CONFIRMED_AT: &str = "confirmed_at";
const EPOCH: &str = "epoch";

/// actix-session's state: entries of JSON text.
pub(crate) type State = HashMap<String, String>;

/// The typed view of our own entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// The public session id.
    pub session_id: String,
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// Unix seconds after which nothing prolongs the session.
    pub absolute_end: i64,
    /// Unix seconds at which the password was last given; `None`: longer ago than anybody knows.
    pub confirmed_at: Option<i64>,
    /// The user's `session_epoch` that this session's key has heard of; another one asks for a new key.
    pub epoch: Option<i64>,
}

impl SessionState {
    /// Reads the entries; `None` when one that every session has is missing or not ours.
    pub fn read(state: &State) -> Option<Self> {
        Some(Self {
            session_id: entry(state, SESSION_ID)?,
            remembered: entry(state, REMEMBERED)?,
            absolute_end: entry(state, ABSOLUTE_END)?,
            confirmed_at: entry(state, CONFIRMED_AT),
            epoch: entry(state, EPOCH),
        })
    }

    /// Writes the entries into the session of a request.
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

    /// Writes that the password was given just now.
    pub fn record_confirmation(session: &Session) -> Result<(), Error> {
        let at = OffsetDateTime::now_utc().unix_timestamp();
        session.insert(CONFIRMED_AT, at).map_err(Error::internal)
    }

    /// Writes which `session_epoch` the key has heard of.
    pub fn record_epoch(session: &Session, epoch: i64) -> Result<(), Error> {
        session.insert(EPOCH, epoch).map_err(Error::internal)
    }

    /// The whole entry of a user's session as the store keeps it, made without a request.
    pub fn into_text(self, user: i64) -> String {
        let entries = [
            (USER_ID, serde_json::json!(user.to_string())),
            (SESSION_ID, self.session_id.into()),
            (REMEMBERED, self.remembered.into()),
            (ABSOLUTE_END, self.absolute_end.into()),
        ];
        let state: State =
            entries.into_iter().map(|(name, value)| (name.into(), value.to_string())).collect();
        serde_json::json!(state).to_string()
    }

    /// Whether the absolute limit has passed.
    pub fn is_over(&self) -> bool {
        OffsetDateTime::now_utc().unix_timestamp() >= self.absolute_end
    }
}

fn entry<T: serde::de::DeserializeOwned>(state: &State, name: &str) -> Option<T> {
    serde_json::from_str(state.get(name)?).ok()
}
