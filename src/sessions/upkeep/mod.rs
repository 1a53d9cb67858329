//! Work in the background.

mod background;
mod changed_secret;
pub(super) mod recheck;
pub(super) mod samples;
pub(super) mod sweep;
pub(super) mod verify;
