//! The sentinels that know which server is the master.
//!
//! By hand: the client of Redis believes the first sentinel that answers, and waits for it without a limit. One that was frozen, or cut
//! off, names the server that was the master before, which may take itself for it too.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use redis::{Client, ConnectionInfo, RedisError, aio::MultiplexedConnection};

use super::failure::Failure;
use crate::error::Error;

/// The sentinels, and the name by which they know the master.
pub(super) struct Sentinels {
    sentinels: Vec<Sentinel>,
    master: String,
    timeout: Duration,
}

struct Sentinel {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What a sentinel says.
struct Master {
    address: (String, u16),
    /// Counts the failovers: who knows of more of them is right.
    epoch: u64,
}

impl Sentinels {
    pub(super) fn new(
        sentinels: Vec<ConnectionInfo>,
        master: String,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let open = |info| Ok(Sentinel { client: Client::open(info)?, connection: Mutex::default() });
        let sentinels = sentinels.into_iter().map(open).collect::<Result<_, RedisError>>();
        Ok(Self { sentinels: sentinels.map_err(Error::internal)?, master, timeout })
    }

    /// Host and port of the master: all sentinels are asked at the same time, and of those that answer in time the one that knows of
    /// the latest failover is believed.
    pub(super) async fn master(&self) -> Result<(String, u16), Failure> {
        let asked = self.sentinels.iter().map(|sentinel| sentinel.ask(&self.master, self.timeout));
        let mut failure = Failure::NotConnected;
        let mut latest: Option<Master> = None;
        for answer in join_all(asked).await {
            match answer {
                Ok(master) if latest.as_ref().is_none_or(|latest| latest.epoch < master.epoch) => {
                    latest = Some(master);
                }
                Ok(_) => {}
                Err(reason) => failure = reason,
            }
        }
        latest.map(|master| master.address).ok_or_else(|| Failure::NoMaster(Box::new(failure)))
    }
}

impl Sentinel {
    async fn ask(&self, master: &str, timeout: Duration) -> Result<Master, Failure> {
        let answer = async {
            // The connection that is kept may be lost, which shows when it is used.
            match self.kept() {
                Some(connection) => match query(connection, master).await {
                    Err(error) if error.is_io_error() || error.is_connection_dropped() => {
                        query(self.connect().await?, master).await
                    }
                    answer => answer,
                },
                None => query(self.connect().await?, master).await,
            }
        };
        let answer = match tokio::time::timeout(timeout, answer).await {
            Ok(answer) => answer.map_err(Failure::Redis),
            Err(_) => Err(Failure::TimedOut(timeout)),
        };
        if answer.is_err() {
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answer
    }

    fn kept(&self) -> Option<MultiplexedConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let connection = self.client.get_multiplexed_async_connection().await?;
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
        Ok(connection)
    }
}

/// While a failover is under way, the first command already names the server that takes over.
async fn query(mut connection: MultiplexedConnection, master: &str) -> Result<Master, RedisError> {
    let mut commands = redis::pipe();
    commands.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    commands.cmd("SENTINEL").arg("MASTER").arg(master);
    let (address, details): ((String, u16), HashMap<String, String>) =
        commands.query_async(&mut connection).await?;
    let epoch = details.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    Ok(Master { address, epoch })
}
