//! The stored state of a session, as readable JSON: the user's id (actix-identity's entries), the session's id and what the
//! sign-in established. It never contains a name, a role or anything about the password.

use std::collections::HashMap;

use actix_session::Session;
use serde_json::{Value, json};

use crate::clock::unix_now;
use crate::error::Error;

/// The name that actix-identity uses.
const USER_ID: &str = "actix_identity.user_id";
/// The name that actix-identity uses for the Unix seconds of the sign-in.
const LOGGED_IN_AT: &str = "actix_identity.logged_in_at";
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

    /// The state of a session that this user starts now.
    pub fn at_sign_in(self, user_id: i64) -> State {
        let now = unix_now();
        let mut state = self.into_state(user_id);
        state.insert(LOGGED_IN_AT.into(), now.to_string());
        state
    }

    /// The state of this user's session, made without a request.
    pub fn into_state(self, user_id: i64) -> State {
        let entries = [
            (USER_ID, Some(json!(user_id.to_string()))),
            (SESSION_ID, Some(self.session_id.into())),
            (REMEMBERED, Some(self.remembered.into())),
            (ABSOLUTE_END, Some(self.absolute_end.into())),
            (CONFIRMED_AT, self.confirmed_at.map(Into::into)),
            (EPOCH, self.epoch.map(Into::into)),
        ];
        let entry = |(name, value): (&str, Option<Value>)| Some((name.to_owned(), value?.to_string()));
        entries.into_iter().filter_map(entry).collect()
    }

    /// Writes that the password was given now.
    pub fn record_confirmation(state: &mut State) {
        state.insert(CONFIRMED_AT.into(), unix_now().to_string());
    }

    /// Writes the user's `session_epoch` that the session's key is valid for.
    pub fn record_epoch(state: &mut State, epoch: i64) {
        state.insert(EPOCH.into(), epoch.to_string());
    }

    /// Makes the session of a request have these entries.
    ///
    /// # Errors
    /// [`Error::Internal`] when an entry is not JSON.
    pub fn put(session: &Session, state: &State) -> Result<(), Error> {
        for (name, text) in state {
            let differs = session.entries().get(name) != Some(text);
            if differs {
                let value: Value = serde_json::from_str(text).map_err(Error::internal)?;
                session.insert(name, value).map_err(Error::internal)?;
            }
        }
        Ok(())
    }

    /// Whether the absolute limit has passed.
    pub fn is_expired(&self) -> bool {
        unix_now() >= self.absolute_end
    }
}

fn entry<T: serde::de::DeserializeOwned>(state: &State, name: &str) -> Option<T> {
    serde_json::from_str(state.get(name)?).ok()
}
