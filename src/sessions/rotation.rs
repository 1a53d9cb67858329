//! Gives sessions new keys. The id of a session stays; its old key becomes invalid.

use actix_session::SessionExt as _;
use actix_web::HttpRequest;

use super::{
    catalogue::{rows, site_cookies},
    new_key::NewKey,
    request::{bearer::came_by_bearer, current::CurrentUser},
    request_context::{LoadedEntry, RequestContext, Rotation},
    service::Sessions,
    store::state::{SessionState, State},
};
use crate::{db::DbConnection, error::Error};

/// What a change that rotates the key writes into the session's state.
#[derive(Debug, Clone, Copy)]
pub enum StateChange {
    /// Nothing: the key alone is changed.
    None,
    /// The user has just given the password.
    Confirmed,
    /// The change raises the user's `session_epoch` to this number.
    Epoch(i64),
}

impl StateChange {
    fn apply(self, state: &mut State) {
        match self {
            Self::None => {}
            Self::Confirmed => SessionState::record_confirmation(state),
            Self::Epoch(epoch) => SessionState::record_epoch(state, epoch),
        }
    }
}

impl Sessions {
    /// Gives the session of this request a new key on the way out.
    pub fn rotate(&self, req: &HttpRequest) {
        RequestContext::with(|context| context.rotation = Some(Rotation::Required));
        req.get_session().renew();
    }

    /// Makes a change and gives the session of this request a new key, both or neither. A change that raises the `session_epoch` also
    /// makes its cookies at other sites void, since whoever has copied the key may have got some with it. When another request has given the
    /// session a new key meanwhile, the change is made and that key stays.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Unavailable`] when store or database can't be written;
    /// also the error of the change. Then session and key are as they were.
    pub async fn change_and_rotate<T: Send + 'static>(
        &self,
        req: &HttpRequest,
        state_change: StateChange,
        change: impl FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let loaded = RequestContext::with(|context| context.loaded.clone()).flatten();
        let loaded = loaded.ok_or(Error::SignInFirst)?;
        let mut state = req.get_session().entries().clone();
        state_change.apply(&mut state);
        let of_admin = RequestContext::with(|context| context.of_admin) == Some(true);
        let new = self.create_key(state, of_admin).await?;
        let (record, old) = (new.record.clone(), loaded.store_key.clone());
        let changed = self.db.transaction(move |conn| {
            let changed = change(conn)?;
            let id = record.session_id.clone();
            // Last, in the order in which all transactions lock: the user, then sessions.
            let recorded = record.replace(conn, &old)?;
            if matches!(state_change, StateChange::Epoch(_)) {
                site_cookies::delete_of(conn, &id)?;
            }
            if recorded || rows::is_live(conn, &id)? {
                Ok((changed, recorded))
            } else {
                Err(Error::SignInFirst)
            }
        });
        match changed.await {
            Ok((changed, true)) => {
                if self.delete_replaced(&new, &loaded).await {
                    adopt(req, new)?;
                }
                Ok(changed)
            }
            Ok((changed, false)) => {
                self.delete_unused(&new.record.store_key).await;
                Ok(changed)
            }
            Err(error) => {
                self.delete_unused(&new.record.store_key).await;
                Err(error)
            }
        }
    }

    /// Deletes the entry of the old key after a rotation. Returns `false` when it was deleted before, by somebody who signs the
    /// browser out: that holds for the new key too.
    pub(super) async fn delete_replaced(&self, new: &NewKey, old: &LoadedEntry) -> bool {
        let existed = self.delete_unused(&old.store_key).await;
        if !existed {
            self.delete_unused(&new.record.store_key).await;
        }
        existed
    }

    /// Keeps the session of this request current after a change that raised its user's `session_epoch` to `epoch`. Where that
    /// can't be stored, the next request gives the session a new key.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state can't be serialized.
    pub fn adopt_epoch(&self, req: &HttpRequest, epoch: i64) -> Result<(), Error> {
        RequestContext::with(|context| context.only_epoch_changed = true);
        let mut state = State::new();
        SessionState::record_epoch(&mut state, epoch);
        SessionState::put(&req.get_session(), &state)
    }

    /// Gives the session of this request a new key at once.
    ///
    /// # Errors
    /// As [`Sessions::change_and_rotate`].
    pub async fn rotate_now(&self, req: &HttpRequest) -> Result<(), Error> {
        self.change_and_rotate(req, StateChange::None, |_| Ok(())).await
    }

    /// Gives the session a new key if its user was changed since the session got its current one. Only a request of the
    /// session's own browser can rotate its key, so after a change of role the next request does it here. Where the new key
    /// can't be stored, the request goes on with the old one and the next request tries again. A client with a token keeps it: it
    /// would not look for another one in an answer.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state can't be serialized.
    pub fn rotate_if_stale(&self, req: &HttpRequest, user: &CurrentUser) -> Result<(), Error> {
        if user.session.has_stale_key && !came_by_bearer() {
            self.adopt_epoch(req, user.session.epoch)?;
            RequestContext::with(|context| context.rotation = Some(Rotation::WherePossible));
            req.get_session().renew();
        }
        Ok(())
    }
}

/// Makes the request's session have a key that was recorded.
pub(super) fn adopt(req: &HttpRequest, new: NewKey) -> Result<(), Error> {
    let session = req.get_session();
    SessionState::put(&session, &new.state)?;
    session.renew();
    RequestContext::with(|context| context.new_key = Some(new));
    Ok(())
}
