//! Administration: pages that list and end sessions, manage users, search the security log and show statistics.

pub mod events;
pub mod forms;
pub mod overview;
pub mod sessions;
pub mod users;
