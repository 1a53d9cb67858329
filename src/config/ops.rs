//! The operator's own listener.

use std::net::SocketAddr;

use super::{exposure, reader::Reader};

/// `OPS_ADDR`: address and port of a listener of its own for `/metrics` and for what `/readyz` tells nobody else. Default: none.
pub(super) fn read(reader: &mut Reader, listen_addr: SocketAddr) -> Option<SocketAddr> {
    let may_hold = "an address and port that differ from LISTEN_ADDR, such as 127.0.0.1:9100";
    let addr = reader.parse("OPS_ADDR", may_hold, None, |value| {
        let addr: SocketAddr = value.parse().ok()?;
        let is_taken = addr == listen_addr && addr.port() != 0;
        (!is_taken).then_some(Some(addr))
    })?;
    if let Some(public) = exposure::public_address(addr.ip()) {
        reader.mistake(format!(
            "OPS_ADDR: {addr} is reached from the internet at {public}; it answers everybody, so choose an address of this machine \
             or of a private network, such as 127.0.0.1:{}",
            addr.port()
        ));
    }
    Some(addr)
}
