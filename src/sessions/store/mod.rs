//! The session store: keys, the stored state, Redis.

pub mod key;
pub mod redis;
pub mod state;
