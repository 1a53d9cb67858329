//! What happens while a store or the link between instances fails, and after that.

mod clocks;
mod cluster;
mod failover;
mod few_connections;
mod live_link;
mod pgbouncer;
mod pool;
mod postgres;
mod postgres_hosts;
mod read_only;
mod redis;
mod redis_urls;
mod refused_writes;
mod sentinels;
