//! The session store: session keys, the stored state, and entries in Redis.

pub(super) mod key;
pub(super) mod redis;
pub(super) mod state;
