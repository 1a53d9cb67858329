//! Administration: who is inside, and how to get them out.

pub mod ending;
pub mod filter;
mod forms;
pub mod people;
pub mod session;
pub mod sessions;
pub mod user;
pub mod users;
