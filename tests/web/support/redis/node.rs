//! A Redis server of a test's own with a file of the documentation, as part of a set of several.

use std::{
    fs,
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
};

use redis::FromRedisValue;
use tempfile::TempDir;

use super::RedisDatabase;
use crate::support::{
    certificates,
    own_process::{OwnProcess, free_addr},
};

/// The operator's password in the files.
pub const OPERATOR: &str = "operator-secret-1";
/// Gatehouse's user as URLs have it.
pub const LOGIN: &str = "gatehouse:p%40ss%2Fw%3Ard%3F%23%26%25%2B%2C1@";
/// Its password as it is, and the one for sentinels.
const GATEHOUSE: &str = "p@ss/w:rd?#&%+,1";
pub const SENTINEL: &str = "s%26nt=l-1";

/// Where the servers of a set have their certificates, if connections to them are encrypted.
pub struct Certificates(Option<TempDir>);

impl Certificates {
    /// Makes them.
    pub fn make(tls: bool) -> Self {
        Self(tls.then(|| {
            let folder = TempDir::new().unwrap();
            certificates::make(folder.path());
            folder
        }))
    }

    /// The authority's certificate, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.0.as_ref().unwrap().path().join("ca.pem")
    }

    /// `rediss` or `redis`.
    pub fn scheme(&self) -> &'static str {
        if self.0.is_some() { "rediss" } else { "redis" }
    }
}

/// A server, sentinel or node of a cluster. Dropping it kills it.
pub struct RedisNode {
    process: OwnProcess,
    /// Where Gatehouse reaches it.
    pub addr: SocketAddr,
    /// Where tests reach it, without TLS.
    plain: SocketAddr,
    /// Where nodes of a cluster speak to each other.
    pub bus: SocketAddr,
    kind: Kind,
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Server,
    Sentinel,
    ClusterNode,
}

impl Deref for RedisNode {
    type Target = OwnProcess;

    fn deref(&self) -> &OwnProcess {
        &self.process
    }
}

impl DerefMut for RedisNode {
    fn deref_mut(&mut self) -> &mut OwnProcess {
        &mut self.process
    }
}

impl RedisNode {
    /// Starts one with its file of the documentation and these changes of it.
    pub fn start(kind: Kind, certificates: &Certificates, changes: &[(&str, &str)]) -> Self {
        loop {
            let (folder, plain, bus) = (TempDir::new().unwrap(), free_addr(), free_addr());
            let addr = if certificates.0.is_some() { free_addr() } else { plain };
            let conf = conf(kind, changes, folder.path(), plain);
            let conf = conf + &extra(kind, certificates, addr, bus);
            fs::write(folder.path().join("node.conf"), conf).unwrap();
            let command = &mut command(kind, folder.path());
            let process = OwnProcess::start(folder, command);
            let mut node = Self { process, addr, plain, bus, kind };
            if node.process.listens(plain) {
                return node;
            }
            let output = node.process.output();
            assert!(output.contains("in use") || output.contains("bind"), "{output}");
        }
    }

    /// Starts it again with what it has on disk.
    pub fn restart(&mut self) {
        let command = &mut command(self.kind, self.process.folder());
        self.process.start_again(command);
        assert!(self.process.listens(self.plain), "{}", self.process.output());
    }

    /// Its database, for the operator.
    pub fn database(&self) -> RedisDatabase {
        RedisDatabase::at(self.operator_url())
    }

    /// Its address for the operator.
    pub fn operator_url(&self) -> String {
        format!("redis://:{OPERATOR}@{}/0", self.plain)
    }

    /// Runs a command as the operator.
    #[track_caller]
    pub fn run<T: FromRedisValue>(&self, command: &str) -> T {
        self.database().command(&command.split(' ').collect::<Vec<_>>())
    }

    /// Whether it says that it is a master; `false` too where it does not answer.
    pub fn is_master(&self) -> bool {
        let info = self.database().try_command::<String>(&["INFO", "replication"]);
        info.is_ok_and(|info| info.contains("role:master"))
    }
}

/// The file with the changes that all tests make.
fn conf(kind: Kind, changes: &[(&str, &str)], folder: &Path, addr: SocketAddr) -> String {
    let (file, port) = match kind {
        Kind::Server => (include_str!("../../../../docs/examples/redis.conf"), "port 6379"),
        Kind::Sentinel => (include_str!("../../../../docs/examples/redis-sentinel.conf"), "port 26379"),
        Kind::ClusterNode => (include_str!("../../../../docs/examples/redis-cluster.conf"), "port 7000"),
    };
    let here = (format!("port {}", addr.port()), format!("dir {}", folder.display()));
    let login = match kind {
        Kind::Sentinel => (">SENTINEL_PASSWORD", ">s&nt=l-1".to_owned()),
        Kind::Server | Kind::ClusterNode => (">GATEHOUSE_PASSWORD", format!(">{GATEHOUSE}")),
    };
    let common = [
        (port, here.0.as_str()),
        ("dir /var/lib/redis", &here.1),
        ("OPERATOR_PASSWORD", OPERATOR),
        (login.0, &login.1),
    ];
    common.iter().chain(changes).fold(file.to_owned(), |conf, (from, to)| {
        assert!(conf.contains(from), "the file has no {from}");
        conf.replace(from, to)
    })
}

/// What only tests add: they reach servers with TLS without it too, and several nodes of a cluster are on one machine.
fn extra(kind: Kind, certificates: &Certificates, addr: SocketAddr, bus: SocketAddr) -> String {
    let mut lines = String::from("\nrepl-diskless-sync-delay 0\n");
    if kind == Kind::ClusterNode {
        lines += &format!("cluster-port {}\n", bus.port());
    }
    if let Some(folder) = &certificates.0 {
        let tls = include_str!("../../../../docs/examples/redis-tls.conf");
        assert!(tls.contains("\nport 0\n"));
        lines += &tls
            .replace("\nport 0\n", "\n")
            .replace("tls-port 6379", &format!("tls-port {}", addr.port()))
            .replace("/etc/redis", &folder.path().display().to_string());
    }
    lines
}

fn command(kind: Kind, folder: &Path) -> Command {
    let mut command = Command::new("redis-server");
    command.arg(folder.join("node.conf"));
    if kind == Kind::Sentinel {
        command.arg("--sentinel");
    }
    command
}
