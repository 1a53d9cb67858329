//! The session store: session keys, the stored state, and entries in Redis.

pub(super) mod key;
pub(super) mod redis;
mod redis_entries;
mod redis_link;
mod redis_metrics;
pub(super) mod state;
