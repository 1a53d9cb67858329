//! Live updates: what happens to sessions, published on this instance and through Redis to all others.

pub mod end_message;
pub mod event_bus;
pub mod message;
pub mod pubsub;
pub mod registry;
pub mod subscription;
