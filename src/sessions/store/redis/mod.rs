//! The entries of sessions in Redis, whether that is one server, the master that sentinels know, or a cluster: `servers` alone
//! knows which.

mod actix_store;
mod checks;
mod client;
mod cluster;
mod connection;
mod entries;
mod failure;
mod link;
mod links;
mod masters;
mod metrics;
mod sentinels;
mod servers;

pub(in crate::sessions) use client::Redis;
