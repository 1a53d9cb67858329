//! Work in the background.

mod background;
mod changed_secret;
pub mod recheck;
pub mod samples;
pub mod sweep;
pub mod verify;
