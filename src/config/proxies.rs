//! `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use super::reader::Reader;

/// Least prefix of a network of IPv4: the largest private one has it.
const MIN_PREFIX_V4: u8 = 8;
/// Least prefix of a network of IPv6 that is not private; providers have at most a /19.
const MIN_PREFIX_V6: u8 = 16;

/// The networks of proxies. One of half the internet would believe what everybody writes.
pub(super) fn trusted(reader: &mut Reader) -> Vec<IpNet> {
    let may_hold =
        "networks of proxies, comma-separated, such as 10.0.0.0/8,192.0.2.7; none wider than /8, of IPv6 /16";
    reader.parse("TRUSTED_PROXIES", may_hold, Vec::new(), |value| {
        value.split(',').map(|part| network(part.trim())).collect()
    })
}

/// A network, where one of IPv4 mapped into IPv6 is that of IPv4: so are the addresses that are compared with it.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let network = match network {
        IpNet::V6(v6) => match (v6.network().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
            (Some(v4), Some(length)) => Ipv4Net::new(v4, length).ok()?.into(),
            // Part of it stands for addresses of IPv4, which it would not match.
            _ if v6.contains(&MAPPED) => return None,
            _ => network,
        },
        IpNet::V4(_) => network,
    };
    let min_prefix = match network {
        IpNet::V4(_) => MIN_PREFIX_V4,
        IpNet::V6(v6) if v6.network().is_unique_local() => 0,
        IpNet::V6(_) => MIN_PREFIX_V6,
    };
    (network.prefix_len() >= min_prefix).then_some(network)
}

/// The first of the addresses of IPv6 that stand for those of IPv4 (RFC 4291 §2.5.5.2).
const MAPPED: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0);
