//! Administration: who is inside, how to get them out, and what has happened.

pub mod bulk_end;
pub mod ending;
pub mod event_rows;
pub mod events;
pub mod events_csv;
pub mod events_filter;
mod figures;
pub mod filter;
pub mod forms;
pub mod live;
pub mod overview;
pub mod people;
pub mod session;
pub mod sessions;
pub mod user;
pub mod users;
