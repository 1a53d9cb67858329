//! Passwords: how good a new one has to be, and the threads on which they are judged, hashed and checked.

mod fair_queue;
mod hasher;
mod metrics;
mod policy;
mod queue;
mod service;
mod strength;

pub use hasher::{NO_PASSWORD, Verdict};
pub use policy::Policy;
pub use service::Passwords;
