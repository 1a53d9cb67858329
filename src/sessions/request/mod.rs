//! The session of one request: actix-session's store, the signed-in user, the session cookie, the reason of an end.

pub(super) mod bearer;
pub(super) mod by_store_key;
pub(super) mod current;
pub(super) mod ended_session;
pub(super) mod middleware;
pub(super) mod presented_keys;
pub(super) mod rotated_key;
mod save_state;
pub(super) mod session_cookie;
pub(super) mod session_store;
mod site_cookie;
pub(super) mod site_data;
pub(super) mod unproven;
