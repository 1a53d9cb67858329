//! The client's address, the host and origin of requests, body limits, response headers and the target after signing in.

pub mod api;
pub mod binding;
pub mod bodies;
mod client;
pub mod cross_origin;
pub mod header_size;
pub mod headers;
pub mod host;
mod named_host;
mod next;
mod original;
pub mod refusal;
mod same_origin;
pub mod site;

pub use client::{Client, Network, ip_key};
pub use next::{local_path, next_page};
pub use original::OriginalRequest;
