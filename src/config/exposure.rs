//! Whether the internet reaches the address that the server listens on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address at which the internet reaches a server that listens on `listen`, if it does. Listening on all addresses counts as
/// listening on those that packets to the internet leave from.
pub(super) fn public_address(listen: IpAddr) -> Option<IpAddr> {
    if !listen.is_unspecified() {
        return is_public(listen).then_some(listen);
    }
    // Documentation addresses (RFC 5737, RFC 3849): the default route leads there. Nothing is sent.
    let v4 = || own_address(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let v6 = || own_address(listen, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    let own = if listen.is_ipv6() { [v4(), v6()] } else { [v4(), None] };
    own.into_iter().flatten().find(|ip| is_public(*ip) && !is_example(*ip))
}

/// The address that packets to `target` leave from.
fn own_address(any: IpAddr, target: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(target, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether an address stands for an example in documents (RFC 5737, RFC 3849). A machine that has one is in a laboratory.
fn is_example(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_documentation(),
        IpAddr::V6(ip) => ip.segments()[..2] == [0x2001, 0xdb8],
    }
}

/// Whether an address is neither this machine's alone nor one of a private network (RFC 6890); what stands for an example in
/// documents counts as public.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared)
        }
        // Global unicast (RFC 4291 §2.4).
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
    }
}
