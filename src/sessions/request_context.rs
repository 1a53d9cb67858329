//! The values that actix-session's store and the rest of a request exchange. The store is called without the request, so they
//! are kept in a task-local.

use std::{cell::RefCell, sync::Arc, time::Duration};

use super::{found_session::FoundSession, new_key::NewKey};
use crate::config::SessionKind;

tokio::task_local! {
    static CONTEXT: RefCell<RequestContext>;
}

/// The store entry that the request's cookie led to.
#[derive(Debug, Clone)]
pub(super) struct LoadedEntry {
    /// Hex SHA-256 of the session key.
    pub store_key: String,
    /// Whether the key was made for an administrator, so that reading it has started their lifetime anew.
    pub key_of_admin: bool,
    /// The public session id.
    pub session_id: String,
    /// Unix seconds at which the password was last given.
    pub confirmed_at: Option<i64>,
    /// The user's `session_epoch` when the session got its key.
    pub epoch: Option<i64>,
}

/// A new key that the session is to get on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    /// The request fails without it.
    Required,
    /// Without it the session keeps the key that it has.
    WherePossible,
}

/// The session's side of one request.
#[derive(Default)]
pub(super) struct RequestContext {
    /// The store's entry, if the cookie led to one.
    pub loaded: Option<LoadedEntry>,
    /// Hex SHA-256 of the session keys that led to no entry.
    pub dead_keys: Vec<String>,
    /// Hex SHA-256 of the keys of bound sessions that came without a proof, beside another that is used.
    pub unproven_keys: Vec<String>,
    /// The request brought its key as a token: its answer sets no cookie.
    pub by_bearer: bool,
    /// How long ago the request's key was replaced by a new one: the browser is asked to send the request again.
    pub rotated_since: Option<Duration>,
    /// The session's cookie came under an older secret; the request has it under the newest.
    pub sealed_anew: bool,
    /// A script's request, or a stream: it doesn't count as use of the session.
    pub in_background: bool,
    /// The session is bound to a device, and the request brought no proof that it comes from there.
    pub is_unproven: bool,
    /// The public id of the session that this request has started.
    pub started: Option<String>,
    /// Whether the request's user was found to be an administrator.
    pub of_admin: bool,
    /// The catalogue's row, where reading the state has fetched it too.
    pub found: Option<Arc<FoundSession>>,
    /// Why the store could not be read or written.
    pub unavailable: Option<String>,
    /// The session is about to get a new key: the old entry is deleted only once the new key is recorded.
    pub rotation: Option<Rotation>,
    /// The key that this request has given the session.
    pub new_key: Option<NewKey>,
    /// Nothing is to be stored but the user's `session_epoch`.
    pub only_epoch_changed: bool,
    /// No cookie is sent: the session ended or got a new key by another request while this one ran, or it keeps the key that
    /// it has.
    pub abandoned: bool,
    /// The browser is made to delete what it keeps of this site.
    pub clears_site_data: bool,
    /// A session was saved or changed in this request; what its lifetimes depend on.
    pub saved: Option<SessionKind>,
}

impl RequestContext {
    /// Reads or changes the context of the current request; `None` outside of one.
    pub(super) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> Option<R> {
        CONTEXT.try_with(|context| f(&mut context.borrow_mut())).ok()
    }

    /// Whether [`RequestContext::unused_keys`] has any.
    pub(super) fn has_unused_keys(&self) -> bool {
        self.loaded.is_some() || !self.dead_keys.is_empty() || !self.unproven_keys.is_empty()
    }

    /// The store keys that the request brought, for one that is not signed in.
    pub(super) fn unused_keys(&self) -> Vec<String> {
        let loaded = self.loaded.as_ref().map(|loaded| &loaded.store_key);
        self.dead_keys.iter().chain(loaded).cloned().collect()
    }

    /// Runs a request in a context. Returns its output and the context afterwards.
    pub(super) async fn scope<T>(self, request: impl Future<Output = T>) -> (T, Self) {
        CONTEXT
            .scope(RefCell::new(self), async {
                let output = request.await;
                (output, CONTEXT.with(RefCell::take))
            })
            .await
    }
}
