//! Work in the background.

pub mod changed_secret;
pub mod recheck;
pub mod samples;
pub mod sweep;
pub mod verify;
