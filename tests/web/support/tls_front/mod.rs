//! TLS in front of the application, as a proxy has it: browsers bind sessions to their device over https alone.
//!
//! It shows every request and the head of its answer, and what is asked for at a path can be held, failed or cut off.

mod connection;
mod exchange;
mod front;

pub use exchange::{Exchange, Headers};
pub use front::{PathRule, TlsFront};
