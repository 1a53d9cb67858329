//! A cluster. The client of Redis knows which node has which keys, and follows when they move.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt as _, stream};
use redis::{
    Arg, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue as _, Pipeline, RedisError, RedisResult,
    Value,
    aio::{ConnectionLike as _, PubSub},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
};

use super::failure::Failure;
use crate::error::Error;

/// How often a command is sent again, to where a node says that the key is, or has come to be. Even, so that a command that is sent to
/// and fro between two nodes ends at the one that says `ASK`.
const RETRIES: u32 = 8;
/// How often a command is sent to a node that has been named so.
const ASKED: usize = 4;
/// The shortest and longest pause before that, in milliseconds; without one where a node names another.
const RETRY_PAUSE: (u64, u64) = (5, 40);
/// Commands of one pipeline that are on their way at the same time.
const AT_ONCE: usize = 64;

/// A cluster.
pub(super) struct Cluster {
    client: ClusterClient,
    /// Those that are known from the start.
    nodes: Vec<ConnectionInfo>,
    timeout: Duration,
}

impl Cluster {
    pub(super) fn new(nodes: Vec<ConnectionInfo>, timeout: Duration) -> Result<Self, Error> {
        let (shortest, longest) = RETRY_PAUSE;
        let client = ClusterClientBuilder::new(nodes.clone())
            .connection_timeout(timeout)
            .response_timeout(timeout)
            .retries(RETRIES)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .build()
            .map_err(Error::internal)?;
        Ok(Self { client, nodes, timeout })
    }

    /// Connects to all masters, as far as they answer.
    pub(super) async fn connect(&self) -> Result<ClusterConnection, Failure> {
        // To the first nodes, the question which others there are, and to those.
        let longest = self.timeout * 4;
        match tokio::time::timeout(longest, self.client.get_async_connection()).await {
            Ok(connected) => connected.map_err(Failure::Redis),
            Err(_) => Err(Failure::TimedOut(longest)),
        }
    }

    /// A connection that receives what is published: every node tells all others.
    pub(super) async fn subscribe(&self, channel: &str) -> Result<PubSub, Failure> {
        let mut failure = Failure::NotConnected;
        for node in &self.nodes {
            match tokio::time::timeout(self.timeout, subscribe(node, channel)).await {
                Ok(Ok(subscribed)) => return Ok(subscribed),
                Ok(Err(error)) => failure = Failure::Redis(error),
                Err(_) => failure = Failure::TimedOut(self.timeout),
            }
        }
        Err(failure)
    }
}

/// A connection to one server that receives what is published there.
pub(super) async fn subscribe(server: &ConnectionInfo, channel: &str) -> RedisResult<PubSub> {
    let mut pubsub = Client::open(server.clone())?.get_async_pubsub().await?;
    pubsub.subscribe(channel).await?;
    Ok(pubsub)
}

/// Sends a command to the node that has its key.
///
/// While a slot moves, its old node answers `ASK` for a key that is at the new node, which takes a command for it only right after
/// `ASKING`. The client sends the two apart, so that another command on the same connection may come between and use that up; here
/// they are sent as one.
pub(super) async fn run(connection: &mut ClusterConnection, command: &Cmd) -> RedisResult<Value> {
    let mut result = connection.req_packed_command(command).await;
    for _ in 0..ASKED {
        result = match result {
            Err(error) if error.kind() == ErrorKind::Ask => match asked(&error) {
                Some(node) => ask(connection, node, command).await,
                None => return Err(error),
            },
            // The slot has moved, or is the old node's again.
            Err(error) if error.kind() == ErrorKind::Moved => connection.req_packed_command(command).await,
            result => return result,
        };
    }
    result
}

/// The node that is to be asked.
fn asked(error: &RedisError) -> Option<SingleNodeRoutingInfo> {
    by_address(error.redirect_node()?.0).ok()
}

async fn ask(
    connection: &mut ClusterConnection,
    node: SingleNodeRoutingInfo,
    command: &Cmd,
) -> RedisResult<Value> {
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command.clone());
    let answers = connection.route_pipeline(&both, 1, 1, node).await?;
    answers.into_iter().next().unwrap_or(Value::Nil).extract_error()
}

/// Sends each command to the node that has its key. Those with the same key are sent one after the other.
pub(super) async fn run_apart(
    connection: &ClusterConnection,
    commands: &Pipeline,
    offset: usize,
    count: usize,
) -> RedisResult<Vec<Value>> {
    let mut by_key: HashMap<&[u8], Vec<(usize, Cmd)>> = HashMap::new();
    for (index, command) in commands.cmd_iter().enumerate() {
        by_key.entry(key(command)).or_default().push((index, command.clone()));
    }
    let mut answers = vec![Value::Nil; commands.cmd_iter().count()];
    let mut running = stream::iter(by_key.into_values())
        .map(|commands| run_in_order(connection.clone(), commands))
        .buffer_unordered(AT_ONCE);
    while let Some(answered) = running.next().await {
        for (index, answer) in answered? {
            answers[index] = answer;
        }
    }
    Ok(answers.into_iter().skip(offset).take(count).collect())
}

async fn run_in_order(
    mut connection: ClusterConnection,
    commands: Vec<(usize, Cmd)>,
) -> RedisResult<Vec<(usize, Value)>> {
    let mut answers = Vec::with_capacity(commands.len());
    for (index, command) in commands {
        answers.push((index, run(&mut connection, &command).await?));
    }
    Ok(answers)
}

/// What follows the name of the command.
fn key(command: &Cmd) -> &[u8] {
    match command.args_iter().nth(1) {
        Some(Arg::Simple(key)) => key,
        Some(Arg::Cursor) | None => b"",
    }
}

/// The masters that have keys, each asked for an answer.
///
/// # Errors
/// When one of them is not connected.
pub(super) async fn masters(connection: &mut ClusterConnection) -> RedisResult<Vec<RoutingInfo>> {
    connect_to_all(connection).await?;
    let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(connection).await?;
    let size = info.lines().find_map(|line| line.strip_prefix("cluster_size:")).unwrap_or_default();
    let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let answers = connection.route_command(&redis::cmd("PING"), all).await?;
    let answers = HashMap::<String, String>::from_owned_redis_value(answers)?;
    // The client leaves out those that it can't connect to.
    if size.trim().parse().is_ok_and(|size: usize| answers.len() < size) {
        let detail = format!("{} of {}", answers.len(), size.trim());
        return Err((ErrorKind::ClusterConnectionNotFound, "not all masters are connected", detail).into());
    }
    answers.into_keys().map(|address| by_address(&address).map(RoutingInfo::SingleNode)).collect()
}

/// After a loss the client connects to a node again only when a command is for it.
async fn connect_to_all(connection: &mut ClusterConnection) -> RedisResult<()> {
    let ranges: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query_async(connection).await?;
    let mut first_slots = HashMap::new();
    for range in &ranges {
        if let [Value::Int(first), _, Value::Array(master), ..] = range.as_slice() {
            first_slots.entry(format!("{master:?}")).or_insert(*first);
        }
    }
    for first in first_slots.into_values().filter_map(|first| u16::try_from(first).ok()) {
        let at = SingleNodeRoutingInfo::SpecificNode(Route::new(first, SlotAddr::Master));
        // One that does not answer is missing below.
        drop(connection.route_command(&redis::cmd("PING"), RoutingInfo::SingleNode(at)).await);
    }
    Ok(())
}

fn by_address(address: &str) -> RedisResult<SingleNodeRoutingInfo> {
    let (host, port) = address.rsplit_once(':').unwrap_or_default();
    let port = port
        .parse()
        .map_err(|_| RedisError::from((ErrorKind::ClientError, "a node has an address without a port")))?;
    Ok(SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port })
}
