//! What `REDIS_URL` names, and how it is connected to.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ProtocolVersion, PushInfo, PushKind,
    RedisConnectionInfo, RedisError,
    aio::{PubSub, SendError},
};

use super::{
    cluster::{Cluster, subscribe},
    connection::Connection,
    failure::Failure,
    sentinels::Sentinels,
};
use crate::{
    config::{HostAndPort, RedisLogin, RedisServers, RedisUrl},
    error::Error,
    sessions::store::key::{PREFIX, PROBE},
};

/// Where Redis is.
pub(super) struct Servers {
    kind: Kind,
    timeout: Duration,
}

enum Kind {
    /// One server.
    One(ConnectionInfo),
    /// The master that sentinels know; host and port are not yet those of a server.
    Master(Sentinels, ConnectionInfo),
    /// A cluster.
    Cluster(Cluster),
}

/// A connection that was just made.
pub(super) struct Connected {
    pub(super) connection: Connection,
    /// The server that it leads to; `None`: a cluster.
    pub(super) server: Option<ConnectionInfo>,
}

impl Servers {
    /// # Errors
    /// [`Error::Internal`] when the client of Redis can't use the URL.
    pub(super) fn new(url: &RedisUrl, timeout: Duration) -> Result<Self, Error> {
        let login = settings(&url.login, url.database);
        let at = |address: &HostAndPort| info(address, url.tls, login.clone());
        let kind = match &url.servers {
            RedisServers::One(address) => Kind::One(at(address)),
            RedisServers::Socket(path) => {
                Kind::One(ConnectionInfo { addr: ConnectionAddr::Unix(path.clone()), redis: login })
            }
            RedisServers::Sentinels { sentinels, master, login: own } => {
                let sentinel = |address| info(address, url.tls, settings(own, 0));
                let sentinels = sentinels.iter().map(sentinel).collect();
                let unknown = HostAndPort { host: String::new(), port: 0 };
                Kind::Master(Sentinels::new(sentinels, master.clone(), timeout)?, at(&unknown))
            }
            RedisServers::Cluster(nodes) => {
                Kind::Cluster(Cluster::new(nodes.iter().map(at).collect(), timeout)?)
            }
        };
        Ok(Self { kind, timeout })
    }

    /// Whether there are several masters, each with some of the keys.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// Whether another server may become the master.
    pub(super) fn has_sentinels(&self) -> bool {
        matches!(self.kind, Kind::Master(..))
    }

    /// Connects to the server that takes writes, or to all of a cluster. `on_close` is called when the connection to one server ends.
    pub(super) async fn connect(
        &self,
        on_close: impl Fn() + Send + Sync + 'static,
    ) -> Result<Connected, Failure> {
        if let Kind::Cluster(cluster) = &self.kind {
            let connection = Connection::Cluster(cluster.connect().await?);
            return Ok(Connected { connection, server: None });
        }
        let server = self.server().await?;
        let longest = self.timeout * 2;
        let connecting = connect_to(&server, self.timeout, on_close);
        let connection = match tokio::time::timeout(longest, connecting).await {
            Ok(connected) => connected.map_err(Failure::Redis)?,
            Err(_) => return Err(Failure::TimedOut(longest)),
        };
        Ok(Connected { connection, server: Some(server) })
    }

    /// A connection of its own that receives what is published.
    pub(super) async fn subscribe(&self, channel: &str) -> Result<PubSub, Failure> {
        if let Kind::Cluster(cluster) = &self.kind {
            return cluster.subscribe(channel).await;
        }
        let server = self.server().await?;
        let longest = self.timeout * 4;
        match tokio::time::timeout(longest, subscribe(&server, channel)).await {
            Ok(subscribed) => subscribed.map_err(Failure::Redis),
            Err(_) => Err(Failure::TimedOut(longest)),
        }
    }

    /// Where the master is, if sentinels know one.
    pub(super) async fn master(&self) -> Result<Option<ConnectionAddr>, Failure> {
        match self.kind {
            Kind::Master(..) => self.server().await.map(|server| Some(server.addr)),
            Kind::One(_) | Kind::Cluster(_) => Ok(None),
        }
    }

    /// The one server that takes writes now.
    async fn server(&self) -> Result<ConnectionInfo, Failure> {
        match &self.kind {
            Kind::One(server) => Ok(server.clone()),
            Kind::Master(sentinels, server) => {
                let mut server = server.clone();
                let (host, port) = sentinels.master().await?;
                lead_to(&mut server.addr, host, port);
                Ok(server)
            }
            Kind::Cluster(_) => Err(Failure::NotConnected),
        }
    }
}

/// In RESP3 a lost connection is reported at once, even when no command is in flight.
fn settings(login: &RedisLogin, database: u16) -> RedisConnectionInfo {
    RedisConnectionInfo {
        db: database.into(),
        username: login.user.clone(),
        password: login.password.clone(),
        protocol: ProtocolVersion::RESP3,
    }
}

fn info(address: &HostAndPort, tls: bool, redis: RedisConnectionInfo) -> ConnectionInfo {
    let (host, port) = (address.host.clone(), address.port);
    let addr = match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    };
    ConnectionInfo { addr, redis }
}

fn lead_to(address: &mut ConnectionAddr, to_host: String, to_port: u16) {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            (*host, *port) = (to_host, to_port);
        }
        ConnectionAddr::Unix(_) => {}
    }
}

async fn connect_to(
    server: &ConnectionInfo,
    timeout: Duration,
    on_close: impl Fn() + Send + Sync + 'static,
) -> Result<Connection, RedisError> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(timeout).set_push_sender(
        move |info: PushInfo| {
            if info.kind == PushKind::Disconnection {
                on_close();
            }
            Ok::<(), SendError>(())
        },
    );
    let client = Client::open(server.clone())?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    probe().query_async::<()>(&mut connection).await?;
    Ok(Connection::Server(connection))
}

/// A command without effect that needs what sessions need of Redis: `GETEX` may write, so a replica or a paused server refuses
/// or delays it as it does a write.
pub(super) fn probe() -> Cmd {
    let mut command = redis::cmd("GETEX");
    command.arg(format!("{PREFIX}{PROBE}")).arg("EX").arg(1);
    command
}
