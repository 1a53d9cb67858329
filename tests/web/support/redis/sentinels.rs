//! A master, its replica, and three sentinels that watch them.

use std::net::SocketAddr;

use super::{
    RedisDatabase,
    node::{Certificates, Kind, LOGIN, RedisNode, SENTINEL},
};
use crate::support::eventually;

/// Two servers and three sentinels of a test's own.
pub struct SentinelSet {
    pub servers: [RedisNode; 2],
    pub sentinels: [RedisNode; 3],
    certificates: Certificates,
}

impl SentinelSet {
    /// Starts them without TLS.
    pub async fn start() -> Self {
        Self::start_with(Certificates::make(false)).await
    }

    /// Starts them with TLS among each other too.
    pub async fn start_with_tls() -> Self {
        Self::start_with(Certificates::make(true)).await
    }

    async fn start_with(certificates: Certificates) -> Self {
        let server = || RedisNode::start(Kind::Server, &certificates, &[]);
        let servers = [server(), server()];
        servers[1].run::<()>(&format!("REPLICAOF 127.0.0.1 {}", servers[0].addr.port()));
        let sentinel = || sentinel_of(&servers[0], &certificates);
        let set = Self { sentinels: [sentinel(), sentinel(), sentinel()], servers, certificates };
        eventually(|| async { set.sentinels.iter().all(knows_the_others) }).await;
        set
    }

    /// The address for `REDIS_URL`.
    pub fn url(&self) -> String {
        self.url_of(&self.sentinels.each_ref().map(|sentinel| sentinel.addr))
    }

    /// An address with other sentinels.
    pub fn url_of(&self, sentinels: &[SocketAddr]) -> String {
        let sentinels = sentinels.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",");
        let login = format!("sentinel_user=gatehouse&sentinel_password={SENTINEL}");
        format!("{}-sentinel://{LOGIN}{sentinels}/0?master=sessions&{login}", self.certificates.scheme())
    }

    /// For an application: the fixtures have to ask a server of the set.
    pub fn database(&self) -> RedisDatabase {
        RedisDatabase::at(self.url())
    }

    /// The authority of its certificates.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// A server that takes itself for the master, and a sentinel that takes it for the master, since it knows of no failover.
    pub fn start_left_behind() -> [RedisNode; 2] {
        let certificates = Certificates::make(false);
        let server = RedisNode::start(Kind::Server, &certificates, &[]);
        let sentinel = sentinel_of(&server, &certificates);
        [server, sentinel]
    }

    /// Waits until the replica has what the master has.
    pub fn wait_for_replica(&self) {
        assert_eq!(self.servers[0].run::<u32>("WAIT 1 10000"), 1);
    }

    /// Waits until the last sentinel knows the second server as the master.
    pub async fn wait_for_failover(&self) {
        let expected = self.servers[1].addr;
        eventually(|| async { self.master() == Some(expected) }).await;
    }

    fn master(&self) -> Option<SocketAddr> {
        let (host, port): (String, String) =
            self.sentinels[2].run("SENTINEL GET-MASTER-ADDR-BY-NAME sessions");
        format!("{host}:{port}").parse().ok()
    }
}

/// A sentinel that watches a server.
fn sentinel_of(server: &RedisNode, certificates: &Certificates) -> RedisNode {
    let monitored = format!("sentinel monitor sessions 127.0.0.1 {} 2", server.addr.port());
    let changes = [
        ("sentinel monitor sessions 127.0.0.1 6379 2", monitored.as_str()),
        ("down-after-milliseconds sessions 1000", "down-after-milliseconds sessions 500"),
    ];
    RedisNode::start(Kind::Sentinel, certificates, &changes)
}

fn knows_the_others(sentinel: &RedisNode) -> bool {
    let known: Vec<String> = sentinel.run("SENTINEL MASTER sessions");
    let has = |name: &str, value: &str| known.chunks(2).any(|pair| pair == [name, value]);
    has("num-slaves", "1") && has("num-other-sentinels", "2") && has("flags", "master")
}
