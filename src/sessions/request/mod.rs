//! The session of one request: actix-session's store, the signed-in user.

pub mod current;
pub mod ended_session;
pub mod middleware;
pub mod session_store;
