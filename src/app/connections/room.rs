//! How many connections there may be at once, in all and of each client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use prometheus_client::registry::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{security::Network, telemetry::metrics::GaugeAtScrape};

/// Most connections of one client. Each browser with open pages has one or two for their live updates.
const MAX_PER_CLIENT: usize = 256;

/// Most connections in all.
const MAX_CONNECTIONS: usize = 20_000;

/// Files that the process opens beside its connections: stores, static files, logs.
const OTHER_FILES: usize = 256;

/// How often a log entry says that connections were turned away.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The room for connections of this process.
pub(in crate::app) struct Room {
    trusted_proxies: Vec<IpNet>,
    most: usize,
    most_per_client: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_client: HashMap<Network, usize>,
    logged_at: Option<Instant>,
}

/// The place of one connection, which is free again once this is dropped.
pub(super) struct Place {
    room: Arc<Room>,
    /// Where the connection comes from.
    pub(super) peer: IpAddr,
    /// The client whose share it is of; a proxy has none.
    client: Option<Network>,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The client has its share.
    Client,
    /// The server has all that it can have.
    Server,
}

impl Room {
    /// The room that the limit of open files leaves.
    pub(in crate::app) fn new(trusted_proxies: &[IpNet]) -> Arc<Self> {
        let most = open_files().saturating_sub(OTHER_FILES).clamp(4, MAX_CONNECTIONS);
        Self::of_size(trusted_proxies, most)
    }

    fn of_size(trusted_proxies: &[IpNet], most: usize) -> Arc<Self> {
        Arc::new(Self {
            trusted_proxies: trusted_proxies.to_vec(),
            most,
            most_per_client: MAX_PER_CLIENT.min(most / 4),
            taken: Mutex::default(),
        })
    }

    /// Takes a place for a connection from this address.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let peer = peer.to_canonical();
        // Everybody's connections come from a proxy.
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(&peer));
        let client = (!is_proxy).then(|| Network::of(peer));
        let mut taken = self.taken();
        let of_client = client.map_or(0, |client| taken.by_client.get(&client).copied().unwrap_or(0));
        let full = match (taken.total >= self.most, of_client >= self.most_per_client) {
            (true, _) => Full::Server,
            (_, true) => Full::Client,
            _ => {
                taken.total += 1;
                if let Some(client) = client {
                    *taken.by_client.entry(client).or_default() += 1;
                }
                return Ok(Place { room: Arc::clone(self), peer, client });
            }
        };
        taken.log(full, peer);
        Err(full)
    }

    /// Registers how many connections there are, and how many there can be.
    pub(in crate::app) fn register(self: &Arc<Self>, registry: &mut Registry) {
        let most = self.most as f64;
        GaugeAtScrape::register(
            registry,
            "connections_limit",
            "Connections that there is room for",
            move || Some(most),
        );
        let room = Arc::clone(self);
        GaugeAtScrape::register(
            registry,
            "connections",
            "Open connections of clients and proxies",
            move || Some(room.taken().total as f64),
        );
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn log(&mut self, full: Full, peer: IpAddr) {
        if self.logged_at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            return;
        }
        self.logged_at = Some(Instant::now());
        match full {
            Full::Client => tracing::warn!(
                %peer,
                "connections turned away: this address has as many as one may have; is it a proxy, name it in TRUSTED_PROXIES"
            ),
            Full::Server => tracing::warn!(open = self.total, "connections turned away: there are too many"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.total -= 1;
        if let Some(client) = self.client
            && let Some(count) = taken.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_client.remove(&client);
            }
        }
    }
}

/// Raises the limit of open files as far as it goes, and returns it.
fn open_files() -> usize {
    let wanted = (MAX_CONNECTIONS + OTHER_FILES) as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current else { return usize::MAX };
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted)).max(current);
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised as usize,
        Err(_) => current as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn client_has_its_share_and_proxies_have_the_rest() {
        let room = Room::of_size(&["10.0.0.0/8".parse().unwrap()], 12);
        let mut places: Vec<Place> = (0..3).map(|_| room.enter(ip("::ffff:192.0.2.1")).unwrap()).collect();
        assert_eq!(room.enter(ip("192.0.2.1")).err(), Some(Full::Client));
        places.extend((1..=3).map(|last| room.enter(ip(&format!("2001:db8::{last}"))).unwrap()));
        assert_eq!(room.enter(ip("2001:db8::4")).err(), Some(Full::Client));
        places.push(room.enter(ip("2001:db8:0:1::4")).unwrap());
        places.extend((0..5).map(|_| room.enter(ip("10.0.0.1")).unwrap()));
        assert_eq!(room.enter(ip("10.0.0.1")).err(), Some(Full::Server));
        places.remove(0);
        places.push(room.enter(ip("192.0.2.1")).unwrap());
        drop(places);
        assert_eq!(room.taken().total, 0);
        assert!(room.taken().by_client.is_empty());
    }
}
