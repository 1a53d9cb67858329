//! Live updates: what happens to sessions, published on this instance and to all others.

pub mod end_message;
pub mod event_bus;
pub mod link;
pub mod message;
pub mod pubsub;
pub mod registry;
pub mod subscription;
