//! `REDIS_URL`: one server, the sentinels that know which server it is, or a cluster.

mod reader;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf};

/// Where Redis is and how to sign in there; `Debug` does not print it.
#[derive(Clone)]
pub struct RedisUrl {
    /// Which servers.
    pub servers: RedisServers,
    /// The user of the servers, of each of them.
    pub login: RedisLogin,
    /// The number of the database.
    pub database: u16,
    /// Whether connections are encrypted, and certificates checked.
    pub tls: bool,
    /// The passwords as they are and as they are written.
    secrets: Vec<String>,
}

/// Which servers are asked.
#[derive(Clone, PartialEq, Eq)]
pub enum RedisServers {
    /// `redis://`: one server.
    One(HostAndPort),
    /// `redis+unix://`: one server, over a socket of this machine.
    Socket(PathBuf),
    /// `redis-sentinel://`: whichever server is the master now.
    Sentinels {
        /// Those who know it.
        sentinels: Vec<HostAndPort>,
        /// The name by which they know it.
        master: String,
        /// Their user.
        login: RedisLogin,
    },
    /// `redis-cluster://`: a cluster, of which these nodes know the others.
    Cluster(Vec<HostAndPort>),
}

/// A server's name or IP address, and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAndPort {
    /// Without brackets.
    pub host: String,
    /// Not 0.
    pub port: u16,
}

/// A user of Redis ("Redis ACL"): neither, a password alone, or both; `Debug` does not print it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RedisLogin {
    /// Its name; `None`: the user `default`.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
}

impl RedisUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without its text: any part may be a password in a wrong place.
    pub fn parse(text: &str) -> Result<Self, String> {
        reader::read(text)
    }

    /// What must not be printed.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }
}

impl fmt::Display for HostAndPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(hidden)")
    }
}

impl fmt::Debug for RedisLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisLogin(hidden)")
    }
}
