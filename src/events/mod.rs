//! The security log: what happened to which account and session, by whom and from where.

mod event;
mod kind;
pub mod log;
mod sums;

pub use event::Event;
pub use kind::EventKind;
pub use log::StoredEvent;
pub use sums::EventSums;
