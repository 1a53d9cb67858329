//! The client's address, the host and origin of requests, body limits, response headers and the target after signing in.

pub mod api;
pub mod bodies;
mod client;
pub mod cross_origin;
pub mod header_size;
pub mod headers;
pub mod host;
mod next;
mod original;
pub mod pages_host;
pub mod refusal;

pub use client::{Client, Network, ip_key};
pub use next::{local_path, next_page};
pub use original::OriginalRequest;
