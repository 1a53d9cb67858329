//! A TCP proxy between the application and a store that fails on demand.
//!
//! It runs on a thread of its own, so a test that blocks does not delay the connections. Its port stays bound while
//! connections are refused, so that no other test's server can use it.

mod listener;
mod pump;
#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc as blocking,
    },
    thread,
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc};

/// What the proxy does with the bytes it receives. A change applies to open connections too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyMode {
    /// Forwards everything at once.
    Pass,
    /// Forwards every request this much later.
    Latency(Duration),
    /// Accepts connections and forwards nothing in either direction. The bytes are forwarded when the mode changes.
    Blackhole,
    /// Like [`ProxyMode::Blackhole`], but what a connection receives in this mode is lost for good, and so is the
    /// connection, which is never closed.
    Swallow,
    /// Forwards requests and holds the answers: the store has done its work, and the application does not know yet.
    HoldAnswers,
    /// Resets the open connections and refuses new ones.
    Refuse,
    /// Forwards the answers one byte at a time, with this much time between them.
    Drip(Duration),
    /// Closes each connection once this many bytes of answers went through it.
    CutAfter(usize),
}

/// The proxy. Dropping it closes all connections.
pub struct FaultProxy {
    addr: SocketAddr,
    orders: mpsc::UnboundedSender<Request>,
    counts: Arc<Counts>,
    thread: Option<thread::JoinHandle<()>>,
}

/// An order, and where to confirm that it was carried out.
type Request = (Order, blocking::Sender<()>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Set(ProxyMode),
    LeadTo(SocketAddr),
    Reset,
    Stop,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    requests: AtomicU64,
    answers: AtomicU64,
    held: AtomicU64,
}

impl FaultProxy {
    /// Starts a proxy in front of `target` that passes everything.
    pub fn to(target: SocketAddr) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let counts = Arc::<Counts>::default();
        let (started, addr) = blocking::channel();
        let shared = counts.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send(listener.local_addr().unwrap()).unwrap();
                listener::run(listener, target, inbox, shared).await;
            });
        });
        Self { addr: addr.recv().unwrap(), orders, counts, thread: Some(thread) }
    }

    /// Where the application connects instead of to the store.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the mode; it applies when this returns.
    pub fn set(&self, mode: ProxyMode) {
        self.order(Order::Set(mode));
    }

    /// Connects to another target from now on; the open connections stay.
    pub fn lead_to(&self, target: SocketAddr) {
        self.order(Order::LeadTo(target));
    }

    /// Resets the open connections in any mode.
    pub fn reset_connections(&self) {
        self.order(Order::Reset);
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(SeqCst)
    }

    /// How many bytes were forwarded to the store so far.
    pub fn bytes_of_requests(&self) -> u64 {
        self.counts.requests.load(SeqCst)
    }

    /// How many bytes were forwarded from the store so far.
    pub fn bytes_of_answers(&self) -> u64 {
        self.counts.answers.load(SeqCst)
    }

    /// How many connections' requests or answers are being held now ([`ProxyMode::Blackhole`], [`ProxyMode::HoldAnswers`]).
    pub fn held(&self) -> u64 {
        self.counts.held.load(SeqCst)
    }

    fn order(&self, order: Order) {
        let (done, wait) = blocking::channel();
        self.orders.send((order, done)).expect("the proxy runs until it is dropped");
        wait.recv().expect("the proxy carries out every order");
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.order(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
