//! The pages and forms of accounts.

pub mod activity;
pub mod confirm;
pub mod ended_notice;
pub mod forms;
pub mod login;
pub mod profile;
pub mod recovery;
pub mod register;
pub mod session_stream;
pub mod sessions;
