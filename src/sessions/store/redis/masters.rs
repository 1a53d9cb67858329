//! Commands for one master: of a cluster each has some of the entries.

use redis::{Cmd, FromRedisValue, cluster_routing::RoutingInfo};

use super::{client::Redis, cluster, connection::Connection};
use crate::error::Error;

/// A master; `None`: the only one.
pub(super) struct Master(Option<RoutingInfo>);

impl Redis {
    /// All masters. Each has been asked for an answer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when one of them does not answer in time.
    pub(super) async fn masters(&self) -> Result<Vec<Master>, Error> {
        self.with_timeout(async |connection| match connection {
            Connection::Server(_) => Ok(vec![Master(None)]),
            Connection::Cluster(connection) => {
                let found = cluster::masters(connection).await?;
                Ok(found.into_iter().map(|master| Master(Some(master))).collect())
            }
        })
        .await
    }

    /// Runs a command at a master.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it doesn't answer in time.
    pub(super) async fn run_at<T: FromRedisValue>(&self, master: &Master, command: &Cmd) -> Result<T, Error> {
        self.with_timeout(async |connection| match (connection, &master.0) {
            (Connection::Cluster(connection), Some(routing)) => {
                T::from_owned_redis_value(connection.route_command(command, routing.clone()).await?)
            }
            (connection, _) => command.query_async(connection).await,
        })
        .await
    }
}
