//! The client of a request: address and user agent, also behind trusted proxies.
//!
//! By hand: no crate walks `X-Forwarded-For` through a chain of trusted networks.

use std::{
    fmt,
    future::{Ready, ready},
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderValue, USER_AGENT},
};
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
        let user_agent = req
            .headers()
            .get(USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(MAX_USER_AGENT).collect())
            .unwrap_or_default();
        Self { ip: Self::ip_of(req, trusted_proxies), user_agent }
    }

    /// Reads the address alone.
    pub fn ip_of(req: &HttpRequest, trusted_proxies: &[IpNet]) -> IpAddr {
        let peer = req.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
        let forwarded = req.headers().get_all("x-forwarded-for").map(HeaderValue::as_bytes);
        client_ip(peer.to_canonical(), forwarded, trusted_proxies)
    }
}

/// The network that one customer of a provider has: an IPv4 address, or the first 64 bits of an IPv6
/// address (RFC 6177). Whoever is limited by it can't go on from the next address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network that an address is in.
    pub fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

impl Client {
    /// The client's network.
    pub fn network(&self) -> Network {
        Network::of(self.ip)
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

/// Walks the hops of `X-Forwarded-For` from right to left while the host that added the hop is trusted; returns the last
/// address reached.
///
/// A client can write what it likes, but only to the left of what its proxy adds: nothing on the left of the first hop that is
/// not trusted is looked at, so what is there can neither hide that hop nor replace it. Where a trusted host has added something
/// that names no address, nobody knows who was behind it: the address of that host is the answer.
fn client_ip<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted_proxies: &[IpNet],
) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted_proxies.iter().any(|network| network.contains(ip));
    let hops = forwarded.rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    let mut client = peer;
    // Lists in headers may have empty elements (RFC 9110 §5.6.1).
    for hop in hops.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
        if !is_trusted(&client) {
            break;
        }
        match hop_ip(hop) {
            Some(ip) => client = ip,
            None => break,
        }
    }
    client
}

/// The address of one hop, which may be in quotes, have a port, and brackets around IPv6: `203.0.113.9:51008`,
/// `"[2001:db8::9]:4711"`.
fn hop_ip(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let ip = match bracketed {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => text.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip())),
    };
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(peer: &str, forwarded: &[&[u8]], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_ip(peer.parse().unwrap(), forwarded.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn client_ip_ignores_untrusted_peer() {
        assert_eq!(ip("198.51.100.1", &[b"192.0.2.9"], &[]), "198.51.100.1");
        assert_eq!(ip("198.51.100.1", &[b"192.0.2.9"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn client_ip_follows_trusted_chain() {
        let lines: [(&[&[u8]], &str); 14] = [
            (&[b"192.0.2.9"], "192.0.2.9"),
            (&[b"203.0.113.5, 192.0.2.9, 10.0.0.2"], "192.0.2.9"),
            (&[b"203.0.113.5", b"192.0.2.9"], "192.0.2.9"),
            (&[b"203.0.113.5, 192.0.2.9", b"10.0.0.2,"], "192.0.2.9"),
            (&[b"2001:db8::1"], "2001:db8::1"),
            (&[b"::ffff:192.0.2.9"], "192.0.2.9"),
            (&[b"203.0.113.9:51008"], "203.0.113.9"),
            (&[b"[2001:db8::9]:4711"], "2001:db8::9"),
            (&[b"[2001:db8::9]"], "2001:db8::9"),
            (&[b"\"[2001:db8::9]:4711\", 10.0.0.2:80"], "2001:db8::9"),
            (&[b"203.0.113.9, ,\t,"], "203.0.113.9"),
            (&["é, 203.0.113.9".as_bytes()], "203.0.113.9"),
            (&[b"\xff, 203.0.113.9"], "203.0.113.9"),
            (&[b""], "10.0.0.1"),
        ];
        for (forwarded, expected) in lines {
            assert_eq!(ip("10.0.0.1", forwarded, &["10.0.0.0/8"]), expected, "{forwarded:?}");
        }
    }

    #[test]
    fn client_ip_stops_at_unreadable_hop() {
        for hop in [
            "nonsense",
            "unknown",
            "_hidden",
            "203.0.113.9:port",
            "[203.0.113.9]",
            "203.0.113",
            "\"",
            "[",
            "é",
        ] {
            let forwarded = format!("192.0.2.1, {hop}");
            assert_eq!(ip("10.0.0.1", &[forwarded.as_bytes()], &["10.0.0.0/8"]), "10.0.0.1", "{hop}");
            let forwarded = format!("192.0.2.1, {hop}, 10.0.0.2");
            assert_eq!(ip("10.0.0.1", &[forwarded.as_bytes()], &["10.0.0.0/8"]), "10.0.0.2", "{hop}");
        }
    }

    #[test]
    fn client_network_is_v4_address_or_half_of_v6() {
        let network = |ip: &str| Network::of(ip.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::7").to_string(), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.1").to_string(), "192.0.2.1");
        assert_eq!(network("2001:db8:1:2::7"), network("2001:db8:1:2:ffff::9"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        for (one, other) in [("2001:db8:1:2::7", "2001:db8:1:3::7"), ("192.0.2.1", "192.0.2.2")] {
            assert_ne!(network(one), network(other));
        }
    }

    proptest! {
        #[test]
        fn client_ip_is_what_the_trusted_proxy_added(
            forged in proptest::collection::vec(any::<u8>(), 0..40),
            address in any::<u32>().prop_map(std::net::Ipv4Addr::from).prop_filter("a client", |ip| ip.octets()[0] != 10),
            v6 in any::<u128>().prop_map(Ipv6Addr::from),
            port in any::<u16>(),
            one_line in any::<bool>(),
        ) {
            let spellings = [
                (format!("{address}"), IpAddr::from(address)),
                (format!("{address}:{port}"), address.into()),
                (format!("\"[{v6}]:{port}\" ,"), IpAddr::from(v6).to_canonical()),
                (format!("[{v6}]"), IpAddr::from(v6).to_canonical()),
            ];
            let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
            for (added, expected) in spellings {
                let lines = match one_line {
                    true => vec![[forged.as_slice(), b", ", added.as_bytes()].concat()],
                    false => vec![forged.clone(), added.into_bytes()],
                };
                let found = client_ip([10, 0, 0, 1].into(), lines.iter().map(Vec::as_slice), &trusted);
                prop_assume!(!trusted[0].contains(&expected));
                prop_assert_eq!(found, expected);
            }
        }
    }
}
