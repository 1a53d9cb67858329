//! The proxy's port: accepts connections, refuses them, and resets those that are open.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, watch},
    time::sleep,
};

use super::{Counts, Order, ProxyMode, Request, pump::connection};

/// Accepts connections and carries out orders until the proxy is dropped.
pub(super) async fn run(
    listener: TcpListener,
    mut target: SocketAddr,
    mut inbox: mpsc::UnboundedReceiver<Request>,
    counts: Arc<Counts>,
) {
    let addr = listener.local_addr().unwrap();
    let mut port = Port::Listening(listener);
    let (mode, _) = watch::channel(ProxyMode::Pass);
    let (resets, _) = watch::channel(0_u64);
    loop {
        tokio::select! {
            biased;
            order = inbox.recv() => {
                let Some((order, done)) = order else { return };
                match order {
                    Order::Reset | Order::Stop => resets.send_modify(|count| *count += 1),
                    Order::LeadTo(new) => target = new,
                    Order::Set(new) => {
                        port = port.listen(addr, new != ProxyMode::Refuse).await;
                        mode.send_replace(new);
                        if new == ProxyMode::Refuse {
                            resets.send_modify(|count| *count += 1);
                        }
                    }
                }
                // The connections' tasks see the change before the test goes on.
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                let _ = done.send(());
                if order == Order::Stop {
                    return;
                }
            }
            Some(Ok((client, _))) = port.accept() => {
                counts.accepted.fetch_add(1, SeqCst);
                tokio::spawn(connection(client, target, mode.subscribe(), resets.subscribe(), counts.clone()));
            }
        }
    }
}

/// The port: listening, or only bound, so that the kernel refuses connections.
enum Port {
    Listening(TcpListener),
    Bound(TcpSocket),
}

impl Port {
    async fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        match self {
            Self::Listening(listener) => Some(listener.accept().await),
            Self::Bound(_) => std::future::pending().await,
        }
    }

    async fn listen(self, addr: SocketAddr, listening: bool) -> Self {
        match (self, listening) {
            (Self::Listening(listener), false) => {
                drop(listener);
                Self::Bound(bind(addr).await)
            }
            (Self::Bound(socket), true) => Self::Listening(socket.listen(1024).unwrap()),
            (unchanged, _) => unchanged,
        }
    }
}

/// Binds the port again, which is free for a moment only.
async fn bind(addr: SocketAddr) -> TcpSocket {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        match socket.bind(addr) {
            Ok(()) => return socket,
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    }
}
