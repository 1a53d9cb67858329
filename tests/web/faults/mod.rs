//! What happens while a store or the link between instances fails, and after that.

mod failover;
mod few_connections;
mod live_link;
mod pool;
mod postgres;
mod read_only;
mod redis;
mod refused_writes;
