//! The administrator's pages: sessions, users, events and the overview.

mod bound_sessions;
mod end;
mod events;
mod list_updates;
mod overview;
mod remarks;
mod search;
mod session;
mod sessions_list;
mod users;
