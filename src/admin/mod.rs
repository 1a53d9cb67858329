//! Administration: who is inside, and how to get them out.

pub mod bulk_end;
pub mod ending;
pub mod filter;
pub mod people;
pub mod session;
pub mod sessions;
pub mod user;
pub mod users;
