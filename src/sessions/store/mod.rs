//! The session store: keys, the stored state, Redis.

pub(super) mod key;
pub(super) mod redis;
mod redis_link;
pub(super) mod state;
