//! The socket that takes connections: it takes none before the instance can answer, and loses none when the instance stops.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, listen, socket_with,
    sockopt::{set_socket_reuseaddr, set_socket_send_buffer_size},
};
#[cfg(target_os = "linux")]
use socket2::{SockFilter, SockRef};

/// Bytes of answers that the system keeps for a connection whose client is slow to read; Linux doubles it for what it needs
/// itself. It would take up to 4 MiB otherwise.
const SEND_BUFFER: usize = 128 * 1024;

/// Connections that wait to be accepted; the system may have a lower limit. With the 128 of the standard library a burst makes
/// others try again after a second.
const BACKLOG: i32 = 4_096;

/// Takes an address. Until [`open`], connections are refused, so that a proxy asks another instance while this one starts.
///
/// # Errors
/// When another program listens there, or this one may not.
pub(in crate::app) fn reserve(addr: SocketAddr) -> io::Result<TcpListener> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &addr)?;
    Ok(socket.into())
}

/// Takes connections from now on.
///
/// # Errors
/// When another program listens there by now.
pub(super) fn open(listener: &TcpListener) -> io::Result<()> {
    set_socket_send_buffer_size(listener, SEND_BUFFER)?;
    Ok(listen(listener, BACKLOG)?)
}

/// Lets no new connection begin, while those that have begun can still be accepted: closing the listener would reset them, and a proxy
/// that has sent a form by one of them answers 502. Whoever connects meanwhile tries again after a second and is refused then.
#[cfg(target_os = "linux")]
pub(in crate::app) fn ignore_new(listener: &TcpListener) -> io::Result<()> {
    // Instructions of the classic BPF, run on each segment for the listener: byte 13 of the TCP header has the flags.
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const SYN: u32 = 0x02;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Only Linux can; elsewhere what begins while the listener is closed is lost.
#[cfg(not(target_os = "linux"))]
pub(in crate::app) fn ignore_new(_: &TcpListener) -> io::Result<()> {
    Ok(())
}
