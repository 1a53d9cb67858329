//! Work outside of requests: the background tasks of an instance, and the comparison of catalogue and store.

mod background;
mod changed_secret;
mod recheck;
mod retention;
mod samples;
mod sweep;
pub(super) mod verify;
