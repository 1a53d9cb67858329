//! Forwarding the bytes of one connection as the mode demands.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::SeqCst},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use super::{Counts, ProxyMode};

/// Forwards between a client and the store until either closes, or the proxy resets the connection.
pub(super) async fn connection(
    mut client: TcpStream,
    target: SocketAddr,
    mode: watch::Receiver<ProxyMode>,
    mut resets: watch::Receiver<u64>,
    counts: Arc<Counts>,
) {
    let _ = client.set_nodelay(true);
    let forward = async {
        let Ok(mut server) = TcpStream::connect(target).await else { return };
        let _ = server.set_nodelay(true);
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let requests = Pump { direction: Direction::Requests, mode: mode.clone(), counts: counts.clone() };
        let answers = Pump { direction: Direction::Answers, mode, counts };
        // When either side closes, so does the connection: the stores' protocols know no half-closed connections.
        tokio::select! {
            () = requests.run(from_client, to_server) => {}
            () = answers.run(from_server, to_client) => {}
        }
    };
    tokio::select! {
        _ = resets.changed() => {}
        () = forward => return,
    }
    // Closing then sends a reset, as a killed server does.
    let _ = client.set_zero_linger();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

/// Forwards one direction of one connection.
struct Pump {
    direction: Direction,
    mode: watch::Receiver<ProxyMode>,
    counts: Arc<Counts>,
}

impl Pump {
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let mut buffer = vec![0; 64 * 1024];
        let mut forwarded = 0;
        loop {
            // The end of the stream is held like everything else.
            let length = from.read(&mut buffer).await.unwrap_or(0);
            let mode = self.wait_while_held().await;
            if length == 0 || self.forward(mode, &buffer[..length], &mut forwarded, &mut to).await.is_err() {
                return;
            }
        }
    }

    /// Waits while the mode holds this direction; returns the mode after that.
    async fn wait_while_held(&mut self) -> ProxyMode {
        let direction = self.direction;
        let held = |mode: &ProxyMode| match mode {
            ProxyMode::Blackhole | ProxyMode::Swallow => true,
            ProxyMode::HoldAnswers => direction == Direction::Answers,
            _ => false,
        };
        let now = *self.mode.borrow_and_update();
        if !held(&now) {
            return now;
        }
        let _counted = Held::count(&self.counts);
        if now == ProxyMode::Swallow {
            return std::future::pending().await;
        }
        let released = self.mode.wait_for(|mode| !held(mode)).await.map(|mode| *mode);
        match released {
            Ok(mode) => mode,
            // The proxy was dropped, which ends this task.
            Err(_) => std::future::pending().await,
        }
    }

    async fn forward(
        &self,
        mode: ProxyMode,
        bytes: &[u8],
        forwarded: &mut usize,
        to: &mut WriteHalf<'_>,
    ) -> io::Result<()> {
        let counter = match self.direction {
            Direction::Requests => &self.counts.requests,
            Direction::Answers => &self.counts.answers,
        };
        let mut bytes = bytes;
        match (mode, self.direction) {
            (ProxyMode::Latency(time), Direction::Requests) => sleep(time).await,
            (ProxyMode::Drip(time), Direction::Answers) => {
                for byte in bytes {
                    sleep(time).await;
                    counter.fetch_add(1, SeqCst);
                    to.write_all(&[*byte]).await?;
                }
                return Ok(());
            }
            (ProxyMode::CutAfter(limit), Direction::Answers) => {
                bytes = &bytes[..bytes.len().min(limit.saturating_sub(*forwarded))];
            }
            _ => {}
        }
        // Counted first, so that the receiver finds the bytes counted.
        counter.fetch_add(bytes.len() as u64, SeqCst);
        to.write_all(bytes).await?;
        *forwarded += bytes.len();
        match (mode, self.direction) {
            (ProxyMode::CutAfter(limit), Direction::Answers) if *forwarded >= limit => {
                // An orderly end, so that the bytes before it arrive and are not discarded by a reset.
                to.shutdown().await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            _ => Ok(()),
        }
    }
}

/// One held direction of one connection, counted while it lives.
struct Held(Arc<Counts>);

impl Held {
    fn count(counts: &Arc<Counts>) -> Self {
        counts.held.fetch_add(1, SeqCst);
        Self(counts.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, SeqCst);
    }
}
