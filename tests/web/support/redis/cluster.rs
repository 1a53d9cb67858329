//! A cluster of three masters, each with a replica where a test asks for them.

use std::sync::Arc;

use super::{
    RedisDatabase,
    node::{Certificates, Kind, LOGIN, RedisNode},
};
use crate::support::eventually;

const SLOTS: u32 = 16_384;
/// Nodes that nobody replaces need not be found dead within a second, and on a busy machine they would be while they live: the cluster
/// then refuses everything.
const WITHOUT_FAILOVER: [(&str, &str); 1] = [("cluster-node-timeout 1000", "cluster-node-timeout 5000")];

/// A cluster of a test's own.
pub struct RedisCluster {
    /// The masters first.
    pub nodes: Vec<RedisNode>,
    certificates: Certificates,
}

impl RedisCluster {
    /// Three masters.
    pub async fn start() -> Self {
        Self::start_with(Certificates::make(false), 0).await
    }

    /// Three masters, and a replica of each.
    pub async fn start_with_replicas() -> Self {
        Self::start_with(Certificates::make(false), 1).await
    }

    /// Three masters with TLS among each other too.
    pub async fn start_with_tls() -> Self {
        Self::start_with(Certificates::make(true), 0).await
    }

    async fn start_with(certificates: Certificates, replicas: usize) -> Self {
        let count = 3 * (1 + replicas);
        let changes: &[_] = if replicas == 0 { &WITHOUT_FAILOVER } else { &[] };
        let nodes = (0..count).map(|_| RedisNode::start(Kind::ClusterNode, &certificates, changes)).collect();
        let cluster = Self { nodes, certificates };
        for (index, node) in (0..).zip(&cluster.nodes[..3]) {
            let (first, last) = (index * SLOTS / 3, (index + 1) * SLOTS / 3 - 1);
            node.run::<()>(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        for node in &cluster.nodes[1..] {
            let (port, bus) = (node.addr.port(), node.bus.port());
            cluster.nodes[0].run::<()>(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
        cluster.wait_until_all_know(count).await;
        for (index, node) in cluster.nodes.iter().enumerate().skip(3) {
            let master: String = cluster.nodes[index % 3].run("CLUSTER MYID");
            node.run::<()>(&format!("CLUSTER REPLICATE {master}"));
        }
        cluster.wait_until_complete().await;
        cluster
    }

    /// A fourth node joins, which has no slots. Returns its number.
    pub async fn join(&mut self) -> usize {
        let node = RedisNode::start(Kind::ClusterNode, &self.certificates, &WITHOUT_FAILOVER);
        let (port, bus) = (node.addr.port(), node.bus.port());
        self.nodes[0].run::<()>(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        self.nodes.push(node);
        self.wait_until_all_know(self.nodes.len()).await;
        // For a while after its start it takes nothing.
        self.wait_until_complete().await;
        self.nodes.len() - 1
    }

    async fn wait_until_all_know(&self, count: usize) {
        let knows = |node: &RedisNode| {
            let known: String = node.run("CLUSTER NODES");
            known.lines().count() == count && !known.contains("handshake")
        };
        eventually(|| async { self.nodes.iter().all(knows) }).await;
    }

    /// Waits until every node says that all is well, and replicas have what their masters have.
    pub async fn wait_until_complete(&self) {
        let is_well = |node: &RedisNode| {
            let state = node.run::<String>("CLUSTER INFO");
            let replication = node.run::<String>("INFO replication");
            state.contains("cluster_state:ok")
                && state.contains("cluster_size:3")
                && state.contains("cluster_slots_ok:16384")
                && (replication.contains("role:master") || replication.contains("master_link_status:up"))
        };
        eventually(|| async { self.nodes.iter().all(is_well) }).await;
    }

    /// The address for `REDIS_URL`, of its first three nodes.
    pub fn url(&self) -> String {
        let nodes: Vec<_> = self.nodes.iter().take(3).map(|node| node.addr.to_string()).collect();
        format!("{}-cluster://{LOGIN}{}", self.certificates.scheme(), nodes.join(","))
    }

    /// All its keys, for an application and for the operator.
    pub fn database(&self) -> RedisDatabase {
        let nodes: Vec<_> = self.nodes.iter().map(RedisNode::operator_url).collect();
        RedisDatabase::of_cluster(self.url(), Arc::from(nodes))
    }

    /// The authority of its certificates.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The number of the master that has a key, and its slot.
    pub fn master_of(&self, key: &str) -> (usize, u32) {
        let slot: u32 = self.nodes[0].run(&format!("CLUSTER KEYSLOT {key}"));
        let index = (0..self.nodes.len()).find(|index| self.slots_of(*index).contains(&slot)).unwrap();
        (index, slot)
    }

    fn slots_of(&self, index: usize) -> Vec<u32> {
        let nodes: String = self.nodes[index].run("CLUSTER NODES");
        let own = nodes.lines().find(|line| line.contains("myself")).unwrap();
        let ranges = own.split(' ').skip(8).filter(|range| !range.starts_with('['));
        let bounds = ranges.map(|range| range.split_once('-').unwrap_or((range, range)));
        bounds.flat_map(|(from, to)| from.parse().unwrap()..=to.parse::<u32>().unwrap()).collect()
    }

    /// Opens a slot's way from one master to another: what is not at the first any more is asked of the second.
    pub fn begin_to_move(&self, slot: u32, from: usize, to: usize) {
        let [source, target] = [from, to].map(|index| self.nodes[index].run::<String>("CLUSTER MYID"));
        self.nodes[to].run::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {source}"));
        self.nodes[from].run::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {target}"));
    }

    /// Moves a key.
    pub fn move_key(&self, key: &str, from: usize, to: usize) {
        let port = self.nodes[to].addr.port();
        let password = super::node::OPERATOR;
        let command = format!("MIGRATE 127.0.0.1 {port} {key} 0 5000 AUTH {password}");
        assert_eq!(self.nodes[from].run::<String>(&command), "OK");
    }

    /// Ends the way of a slot.
    pub fn end_move(&self, slot: u32, to: usize) {
        let target: String = self.nodes[to].run("CLUSTER MYID");
        for index in [to, 0, 1, 2] {
            self.nodes[index].run::<()>(&format!("CLUSTER SETSLOT {slot} NODE {target}"));
        }
    }
}
