//! Saves the state of a request's session on the way out: under the key that an operation has given it, or under a new one.

use actix_session::storage::{SessionKey, generate_session_key};

use crate::{
    error::Error,
    sessions::{
        new_key::NewKey,
        request_context::{LoadedEntry, RequestContext, Rotation},
        service::Sessions,
        store::state::State,
    },
};

impl Sessions {
    /// Returns the new key of the request's session: the one that it was given, else another one, which replaces the key that
    /// the request came with.
    pub(super) async fn save(&self, state: State) -> Result<SessionKey, Error> {
        let context = |context: &mut RequestContext| {
            (context.new_key.take(), context.loaded.clone(), context.rotation, context.of_admin)
        };
        let (new, loaded, rotation, of_admin) = RequestContext::with(context).unwrap_or_default();
        let new = match (new, loaded) {
            (Some(new), _) => {
                self.complete(&new, &state).await;
                new
            }
            (None, Some(loaded)) => match self.create_key(state, of_admin).await {
                Ok(new) => self.replace_key(new, &loaded).await?,
                Err(error) if rotation == Some(Rotation::WherePossible) => {
                    tracing::warn!(error = ?error.causes(), "a session keeps its key until a new one can be stored");
                    RequestContext::with(|context| context.abandoned = true);
                    return Ok(generate_session_key());
                }
                Err(error) => return Err(error),
            },
            (None, None) => return Err(Error::bug("a state without a session")),
        };
        RequestContext::with(|context| context.saved = Some(new.key.kind));
        new.key.into_cookie().ok_or_else(|| Error::bug("a session key that is too long"))
    }

    /// Stores what has changed since the key was given. The session works without it: its key is recorded.
    async fn complete(&self, new: &NewKey, state: &State) {
        if *state == new.state {
            return;
        }
        let store_key = new.record.store_key.clone();
        match self.update_state(store_key, state, new.key.kind.of_admin).await {
            Ok(updated) => RequestContext::with(|context| context.abandoned |= !updated),
            Err(error) => {
                tracing::warn!(error = ?error.causes(), "a change of a session's state was not stored");
                None
            }
        };
    }

    /// Records the new key in place of the one that the request came with. No cookie is sent when the session has ended or
    /// has another key.
    async fn replace_key(&self, new: NewKey, loaded: &LoadedEntry) -> Result<NewKey, Error> {
        let (record, old) = (new.record.clone(), loaded.store_key.clone());
        let recorded = self.db.run(move |conn| record.replace(conn, &old)).await;
        let valid = if matches!(recorded, Ok(true)) {
            self.delete_replaced(&new, loaded).await
        } else {
            self.delete_unused(&new.record.store_key).await;
            false
        };
        recorded?;
        RequestContext::with(|context| context.abandoned |= !valid);
        Ok(new)
    }
}
