//! The session store: keys, the stored state, Redis.

pub mod key;
pub mod redis;
mod redis_link;
pub mod state;
