//! The client of a request: address and user agent, also behind trusted proxies.
//!
//! By hand: no crate walks `X-Forwarded-For` through a chain of trusted networks.

use std::{
    future::{Ready, ready},
    net::IpAddr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::USER_AGENT};
use ipnet::IpNet;

use crate::{config::Config, error::Error, state::shared};

/// Most characters of a user agent.
const MAX_USER_AGENT: usize = 512;

/// The client of a request.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's address: the peer's, unless a trusted proxy has forwarded the request.
    pub ip: IpAddr,
    /// The `User-Agent` header, at most 512 characters.
    pub user_agent: String,
}

impl Client {
    /// Reads address and user agent from a request.
    pub fn of(req: &HttpRequest, trusted_proxies: &[IpNet]) -> Self {
        let peer = req.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
        let forwarded = req.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        let user_agent = req
            .headers()
            .get(USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(MAX_USER_AGENT).collect())
            .unwrap_or_default();
        Self { ip: client_ip(peer.to_canonical(), forwarded, trusted_proxies), user_agent }
    }
}

/// The address as 16 bytes, with IPv4 mapped into IPv6; the bytes sort like the addresses.
pub fn ip_key(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(shared::<Config>(req).map(|config| Self::of(req, &config.server.trusted_proxies)))
    }
}

/// Walks the entries of `X-Forwarded-For` from right to left while the host that added the entry is trusted; returns the
/// last address reached.
fn client_ip<'a>(
    peer: IpAddr,
    forwarded: impl Iterator<Item = &'a str>,
    trusted_proxies: &[IpNet],
) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted_proxies.iter().any(|network| network.contains(ip));
    let entries: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = peer;
    for entry in entries.iter().rev() {
        if !is_trusted(&client) {
            break;
        }
        match entry.parse::<IpAddr>() {
            Ok(ip) => client = ip.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_ip(peer.parse().unwrap(), forwarded.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn client_ip_ignores_untrusted_peer() {
        assert_eq!(ip("198.51.100.1", &["192.0.2.9"], &[]), "198.51.100.1");
        assert_eq!(ip("198.51.100.1", &["192.0.2.9"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn client_ip_follows_trusted_chain() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(ip("10.0.0.1", &["192.0.2.9"], trusted), "192.0.2.9");
        assert_eq!(ip("10.0.0.1", &["203.0.113.5, 192.0.2.9, 10.0.0.2"], trusted), "192.0.2.9");
        assert_eq!(ip("10.0.0.1", &["203.0.113.5", "192.0.2.9"], trusted), "192.0.2.9");
        assert_eq!(ip("10.0.0.1", &["nonsense"], trusted), "10.0.0.1");
        assert_eq!(ip("10.0.0.1", &["2001:db8::1"], trusted), "2001:db8::1");
    }
}
