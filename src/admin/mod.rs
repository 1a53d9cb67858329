//! The administration's pages: sessions, users, the security log, the overview.

pub mod events;
pub mod forms;
pub mod overview;
pub mod sessions;
pub mod users;
