//! What every request passes: the client's address, the cross-origin check, body limits, response headers.

pub mod bodies;
mod client;
pub mod cross_origin;
pub mod headers;
mod next;

pub use client::{Client, ip_key};
pub use next::local_path;
