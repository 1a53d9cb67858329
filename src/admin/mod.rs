//! Administration: who is inside, and how to get them out.

pub mod filter;
pub mod session;
pub mod sessions;
