//! The security log: what happened to which account and session, by whom and from where.

pub mod ends;
mod event;
mod forget;
mod kind;
mod last_drill;
pub mod log;
mod sums;

pub use event::Event;
pub use forget::forget_texts;
pub use kind::EventKind;
pub use last_drill::Drill;
pub use log::{StoredEvent, last_of};
pub use sums::EventSums;
