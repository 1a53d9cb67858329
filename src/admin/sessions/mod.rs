//! The administrator's pages of sessions.

pub mod end;
pub mod end_progress;
pub mod filter;
mod known_rows;
pub mod list;
pub mod list_fields;
pub mod live;
pub mod one;
pub mod row;
