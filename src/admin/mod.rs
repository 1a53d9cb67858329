//! Administration: who is inside, how to get them out, and what has happened.

pub mod events;
pub mod forms;
pub mod overview;
pub mod sessions;
pub mod users;
