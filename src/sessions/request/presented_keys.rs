//! The keys of a request that signed nobody in, for the tripwire: was it the session's own browser that brought them?

use actix_web::{HttpMessage as _, HttpRequest};

use super::current::CurrentUser;
use crate::{
    config::Tripwire,
    sessions::{request_context::RequestContext, service::Sessions},
};

/// Keys that lead nowhere, as a request has brought them.
#[derive(Debug, Clone)]
pub struct PresentedKeys {
    /// Hex SHA-256 of each.
    pub store_keys: Vec<String>,
    /// Whether one is of a session that is bound to a device, and came without a proof that the request comes from there.
    pub is_unproven: bool,
    /// Whether the request brought it as a token.
    pub by_bearer: bool,
}

impl PresentedKeys {
    /// Takes what the session middleware has left in the request; `None`: the request is signed in, or brought no key of this site.
    pub fn take(req: &HttpRequest) -> Option<Self> {
        req.extensions_mut().remove()
    }
}

/// Leaves the keys of a request by which nobody is signed in, though another may be. It costs a request with one key, which signs it
/// in, nothing, and the others no statement.
pub(super) fn leave(req: &HttpRequest, sessions: &Sessions, context: &RequestContext) {
    let is_watched = sessions.config.tripwire != Tripwire::Off && context.unavailable.is_none();
    if !is_watched || !context.has_unused_keys() {
        return;
    }
    let mut store_keys = match CurrentUser::resolved(req) {
        Some(None) => context.unused_keys(),
        None if context.is_unproven => context.unused_keys(),
        // The key with an entry signs the request in, or may do so: nobody has asked who it is.
        Some(Some(_)) | None => context.dead_keys.clone(),
    };
    store_keys.extend(context.unproven_keys.iter().cloned());
    if !store_keys.is_empty() {
        let is_unproven = context.is_unproven || !context.unproven_keys.is_empty();
        let by_bearer = context.by_bearer;
        req.extensions_mut().insert(PresentedKeys { store_keys, is_unproven, by_bearer });
    }
}
