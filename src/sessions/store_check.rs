//! Comparing listed sessions with the store, and ending those that the store has lost.

use super::{
    catalogue::{
        end::{EndRequest, Target},
        end_reason::EndReason,
        list::ListedSession,
    },
    duration::{is_due, time_duration},
    service::{Backend, Sessions},
};
use crate::{clock::now, error::Error};

impl Sessions {
    /// Compares listed sessions with the store in one round trip. Sessions that the store has lost are ended as `missing` and
    /// left out; the others get the expiry that the store has.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn confirm(&self, listed: Vec<ListedSession>) -> Result<Vec<ListedSession>, Error> {
        let Backend::Redis(redis) = &self.backend else {
            let (stored, missing): (Vec<_>, Vec<_>) =
                listed.into_iter().partition(|session| session.state.is_some());
            self.end_missing(missing.into_iter().filter_map(|session| session.store_key).collect()).await?;
            return Ok(stored);
        };
        let keys: Vec<&str> = listed.iter().filter_map(|session| session.store_key.as_deref()).collect();
        let left = redis.time_left(&keys).await?;
        let at = now();
        let (mut stored, mut missing) = (Vec::new(), Vec::new());
        for (mut session, left) in listed.into_iter().zip(left) {
            match left {
                Some(left) => {
                    let expires_at = at.saturating_add(time_duration(left));
                    session.expires_at = expires_at.min(session.absolute_expires_at);
                    stored.push(session);
                }
                None if is_due(session.expires_at) => {}
                None => missing.extend(session.store_key),
            }
        }
        self.end_missing(missing).await?;
        Ok(stored)
    }

    /// Ends those of the sessions with these store keys that the store has lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn end_lost(&self, store_keys: Vec<String>) -> Result<(), Error> {
        let Backend::Redis(redis) = &self.backend else {
            return Ok(());
        };
        let left = redis.time_left(&store_keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let missing = store_keys.into_iter().zip(left).filter(|(_, left)| left.is_none());
        self.end_missing(missing.map(|(key, _)| key).collect()).await
    }

    /// Ends the sessions that still have one of these store keys, which the store has lost.
    async fn end_missing(&self, store_keys: Vec<String>) -> Result<(), Error> {
        if !store_keys.is_empty() {
            self.end(Target::Lost(store_keys), EndRequest::by_system(EndReason::Missing)).await?;
        }
        Ok(())
    }

    /// Puts entries into the store that no sign-in made: store key, state, time left. Does nothing where the catalogue itself
    /// is the store.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store can't be written.
    pub async fn put_entries(&self, entries: &[(&str, String, time::Duration)]) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.put_all(entries).await,
            Backend::Sql => Ok(()),
        }
    }

    /// The stored state of a session as JSON, if there is any.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store can't be read.
    pub async fn stored_state(&self, session: &ListedSession) -> Result<Option<String>, Error> {
        match (&self.backend, &session.store_key) {
            (Backend::Redis(redis), Some(store_key)) => redis.get(store_key).await,
            (Backend::Sql, _) => Ok(session.state.clone()),
            (Backend::Redis(_), None) => Ok(None),
        }
    }
}
