//! The administrator's pages of users.

pub mod filter;
pub mod list;
pub mod one;
pub mod user_request;
