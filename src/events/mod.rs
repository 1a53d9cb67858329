//! The security log: what happened to which account and session, by whom and from where.

mod event;
mod kind;
pub mod log;

pub use event::Event;
pub use kind::EventKind;
pub use log::StoredEvent;
