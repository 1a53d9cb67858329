//! Administration: who is inside, and how to get them out.

pub mod ending;
pub mod filter;
pub mod live;
pub mod session;
pub mod sessions;
