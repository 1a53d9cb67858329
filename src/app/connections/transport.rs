//! What carries a connection: TCP, and in tests a pipe.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// What carries a connection.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the system throw away what it still has to send, once the connection is closed.
    fn abort_on_close(&self);
}

impl Transport for TcpStream {
    fn abort_on_close(&self) {
        // Without it the system goes on for minutes to offer the answers to a client that does not read.
        let _ = self.set_zero_linger();
    }
}
