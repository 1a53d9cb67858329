//! Limits on guessing and on bursts: failures are counted per account, whether it exists or not, and per network of clients, over
//! all instances; after some of them each next attempt has to wait, longer every time. A browser that has signed in to an
//! account before has a count of its own there, so that a stranger who guesses does not lock its owner out (OWASP, Slow Down
//! Online Guessing Attacks with Device Cookies; NIST SP 800-63B-4 §3.2.2).

mod attempt;
pub mod known_browser;
mod limits;
mod local_counts;
mod policy;
mod redis_counts;
mod refusal;
mod service;
mod sql_counts;
mod subject;

pub use attempt::Attempt;
pub use redis_counts::RedisCommands;
pub use service::Throttle;
