//! A test's Redis database on the shared server, or a Redis server of its own that it can freeze and kill.

mod cluster;
mod node;
mod sentinels;

pub use cluster::RedisCluster;
pub use node::{Certificates, Kind, RedisNode};
pub use sentinels::SentinelSet;

use std::{
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::{
    Connection, ConnectionLike, FromRedisValue, ToRedisArgs,
    cluster::{ClusterClient, ClusterConnection},
};
use tempfile::TempDir;

use crate::support::own_process::{OwnProcess, free_addr};

/// How many databases the server of `scripts/services` has.
const DATABASES: u32 = 10_000;

/// A Redis database, on a connection of the test's own.
pub struct RedisDatabase {
    url: String,
    /// The addresses for a test's own connection, of a cluster.
    nodes: Option<Arc<[String]>>,
    connection: Mutex<Option<Link>>,
}

enum Link {
    Server(Connection),
    Cluster(Box<ClusterConnection>),
}

impl RedisDatabase {
    /// An empty database of the shared server that no other test uses.
    pub fn fresh() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = shared_url();
        // Test processes that share a server start at different numbers.
        let offset = std::process::id().wrapping_mul(997);
        let number = 1 + offset.wrapping_add(NEXT.fetch_add(1, Relaxed)) % (DATABASES - 1);
        let database = Self::at(format!("{server}/{number}"));
        database.flush();
        database
    }

    /// The database at an address.
    pub fn at(url: String) -> Self {
        Self { url, nodes: None, connection: Mutex::new(None) }
    }

    /// All databases of a cluster at an address, for a test at the addresses of these nodes.
    fn of_cluster(url: String, nodes: Arc<[String]>) -> Self {
        Self { url, nodes: Some(nodes), connection: Mutex::new(None) }
    }

    /// Its address, for `REDIS_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        let rest = self.url.strip_prefix("redis://").unwrap();
        rest.split('/').next().unwrap().parse().unwrap()
    }

    /// All keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.command(&["KEYS", "*"]);
        keys.sort();
        keys
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<String> {
        self.command(&["GET", key])
    }

    /// Sets a value without a time to live.
    pub fn set(&self, key: &str, value: &str) {
        self.command::<()>(&["SET", key, value]);
    }

    /// The seconds until a key expires; -1: it does not expire, -2: there is no such key.
    pub fn ttl(&self, key: &str) -> i64 {
        self.command(&["TTL", key])
    }

    /// The milliseconds until a key expires; -1: it does not expire, -2: there is no such key.
    pub fn pttl(&self, key: &str) -> i64 {
        self.command(&["PTTL", key])
    }

    /// Deletes a key; returns whether there was one.
    pub fn del(&self, key: &str) -> bool {
        self.command(&["DEL", key])
    }

    /// Deletes every key of this database.
    pub fn flush(&self) {
        self.command::<()>(&["FLUSHDB"]);
    }

    /// Waits for a message between instances that contains this, of those that are published during `work` or soon after it.
    #[track_caller]
    pub fn wait_for_published(&self, part: &str, work: impl FnOnce()) {
        let mut connection = redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut messages = connection.as_pubsub();
        messages.subscribe(format!("gatehouse:sessions:{}", self.url.rsplit('/').next().unwrap())).unwrap();
        work();
        loop {
            let message =
                messages.get_message().unwrap_or_else(|error| panic!("no {part} was published: {error}"));
            if message.get_payload::<String>().unwrap().contains(part) {
                return;
            }
        }
    }

    /// Runs a command.
    pub fn command<T: FromRedisValue>(&self, command: &[impl ToRedisArgs]) -> T {
        self.try_command(command).unwrap_or_else(|error| panic!("{}: {error}", self.url))
    }

    /// Runs a command on a server that may be down.
    pub fn try_command<T: FromRedisValue>(&self, command: &[impl ToRedisArgs]) -> redis::RedisResult<T> {
        let mut slot = self.connection.lock().unwrap();
        let connection: &mut dyn ConnectionLike = match &mut *slot {
            Some(Link::Server(connection)) => connection,
            Some(Link::Cluster(connection)) => connection.as_mut(),
            none => match none.insert(self.connect()?) {
                Link::Server(connection) => connection,
                Link::Cluster(connection) => connection.as_mut(),
            },
        };
        let mut request = redis::Cmd::new();
        for part in command {
            request.arg(part);
        }
        let answer = request.query(connection);
        if answer.as_ref().is_err_and(redis::RedisError::is_unrecoverable_error) {
            *slot = None;
        }
        answer
    }

    fn connect(&self) -> redis::RedisResult<Link> {
        let timeout = Duration::from_secs(5);
        if let Some(nodes) = &self.nodes {
            let connection = ClusterClient::new(nodes.iter().map(String::as_str))?.get_connection()?;
            connection.set_read_timeout(Some(timeout))?;
            return Ok(Link::Cluster(Box::new(connection)));
        }
        let connection = redis::Client::open(self.url.as_str())?.get_connection_with_timeout(timeout)?;
        connection.set_read_timeout(Some(timeout))?;
        Ok(Link::Server(connection))
    }
}

/// A Redis server that only one test uses.
pub struct RedisServer {
    process: OwnProcess,
    addr: SocketAddr,
}

impl Deref for RedisServer {
    type Target = OwnProcess;

    fn deref(&self) -> &OwnProcess {
        &self.process
    }
}

impl DerefMut for RedisServer {
    fn deref_mut(&mut self) -> &mut OwnProcess {
        &mut self.process
    }
}

impl RedisServer {
    /// Starts an empty server without persistence: a restart loses all data.
    pub fn start_own() -> Self {
        loop {
            let (folder, addr) = (TempDir::new().unwrap(), free_addr());
            let command = &mut command(addr, folder.path());
            let process = OwnProcess::start(folder, command);
            let mut server = Self { process, addr };
            if server.process.listens(addr) {
                return server;
            }
        }
    }

    /// A server with TLS and the documentation's file.
    pub fn start_with_tls() -> (RedisNode, Certificates) {
        let certificates = Certificates::make(true);
        (RedisNode::start(Kind::Server, &certificates, &[]), certificates)
    }

    /// The user of that server, before the host of a URL.
    pub const LOGIN: &str = node::LOGIN;

    /// Its address, for `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.addr)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.process.folder().join("redis.sock")
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Makes it a replica of the server at an address.
    pub fn replicate(&self, master: SocketAddr) {
        let (host, port) = (master.ip().to_string(), master.port().to_string());
        self.database().command::<()>(&["REPLICAOF", &host, &port]);
    }

    /// Makes it a master.
    pub fn promote(&self) {
        self.database().command::<()>(&["REPLICAOF", "NO", "ONE"]);
    }

    /// The server's database.
    pub fn database(&self) -> RedisDatabase {
        RedisDatabase::at(self.url())
    }

    /// Starts the server again, empty, on the same port.
    pub fn restart(&mut self) {
        let command = &mut command(self.addr, self.process.folder());
        self.process.start_again(command);
        assert!(self.process.listens(self.addr), "{}", self.process.output());
    }
}

/// A replica writes what it receives into its folder.
fn command(addr: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new("redis-server");
    let port = addr.port().to_string();
    command.args(["--bind", "127.0.0.1", "--port", port.as_str(), "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(folder).arg("--unixsocket").arg(folder.join("redis.sock"));
    command
}

fn shared_url() -> String {
    std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL is not set: run the tests with scripts/test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_databases_are_separate() {
        let (one, two) = (RedisDatabase::fresh(), RedisDatabase::fresh());
        one.set("sess:a", "1");
        assert_eq!((one.keys(), two.keys()), (vec!["sess:a".to_owned()], vec![]));
        assert_eq!(
            (one.ttl("sess:a"), one.ttl("none"), one.del("sess:a"), one.get("sess:a")),
            (-1, -2, true, None)
        );
    }

    #[test]
    fn redis_server_freezes_dies_and_restarts() {
        let mut server = RedisServer::start_own();
        let database = server.database();
        database.set("a", "1");
        server.freeze();
        server.thaw();
        assert_eq!(database.get("a").as_deref(), Some("1"));
        server.kill();
        assert!(database.try_command::<String>(&["PING"]).is_err());
        server.restart();
        assert_eq!(database.get("a"), None);
    }
}
