//! What happens while a store or the link between instances fails, and after that.

mod live_link;
mod pool;
mod postgres;
mod redis;
