//! What goes wrong with Redis.

use std::time::Duration;

use redis::{ErrorKind, RedisError};

use crate::error::Error;

/// Why Redis did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("Redis is not connected")]
    NotConnected,
    #[error("Redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("Redis: {0}")]
    Redis(RedisError),
    /// From actix-session's store: the chain of its causes.
    #[error("Redis: {0:#}")]
    SessionStore(anyhow::Error),
    #[error("no sentinel says which Redis is the master: {0}")]
    NoMaster(Box<Self>),
    /// The entry that it does not have may be there.
    #[error("the Redis that was asked is not the master any more")]
    NotMaster,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::unavailable(failure)
    }
}

/// Error codes by which a server says that it is not, or not now, the one that takes writes.
const NOT_HERE: [&str; 10] = [
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "MISCONF",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "NOAUTH",
];

/// Whether the server has answered that what was asked for is not to be had from it, whatever is asked next: after a failover the
/// address may lead to another server, which only a new connection finds.
pub(super) fn is_not_here(error: &RedisError) -> bool {
    error.code().is_some_and(|code| NOT_HERE.contains(&code))
}

/// Whether the connection is of no use any more.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_connection_dropped()
        || error.is_io_error()
        || error.is_timeout()
        || error.kind() == ErrorKind::ClusterConnectionNotFound
}
