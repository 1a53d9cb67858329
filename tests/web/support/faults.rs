//! A TCP proxy that fails on demand, to stand between the application and a store.
//!
//! It runs on a thread of its own, so a test that blocks does not hold up what it proxies. Its port stays taken while
//! connections are refused, so that no other test's server can appear there.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc as blocking,
    },
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    time::sleep,
};

/// What the proxy does with what it is given. A change holds for open connections too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Forwards everything at once.
    Pass,
    /// Forwards every request this much later.
    Latency(Duration),
    /// Accepts, and forwards nothing in either direction. What was held goes on its way when the mode changes.
    Blackhole,
    /// Like [`Mode::Blackhole`], but what was given to a connection meanwhile is lost for good, and so is the connection:
    /// nothing tells its ends.
    Swallow,
    /// Forwards requests and holds the answers: the store has done its work, and the application does not know it yet.
    HoldAnswers,
    /// Resets the open connections and refuses new ones.
    Refuse,
    /// Forwards the answers one byte at a time, with this much time between them.
    Drip(Duration),
    /// Closes each connection once this many bytes of answers went through it.
    CutAfter(usize),
}

/// The proxy. Dropping it closes everything.
pub struct FaultProxy {
    addr: SocketAddr,
    orders: mpsc::UnboundedSender<(Order, blocking::Sender<()>)>,
    counts: Arc<Counts>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Set(Mode),
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
                run(listener, target, inbox, shared).await;
            });
        });
        Self { addr: addr.recv().unwrap(), orders, counts, thread: Some(thread) }
    }

    /// Where the application connects instead of to the store.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the mode; it holds when this returns.
    pub fn set(&self, mode: Mode) {
        self.order(Order::Set(mode));
    }

    /// Resets the open connections, whatever the mode.
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

    /// How many connections' requests or answers are being held now ([`Mode::Blackhole`], [`Mode::HoldAnswers`]).
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

async fn run(
    listener: TcpListener,
    target: SocketAddr,
    mut inbox: mpsc::UnboundedReceiver<(Order, blocking::Sender<()>)>,
    counts: Arc<Counts>,
) {
    let addr = listener.local_addr().unwrap();
    let mut door = Door::Open(listener);
    let (mode, _) = watch::channel(Mode::Pass);
    let (resets, _) = watch::channel(0_u64);
    loop {
        tokio::select! {
            biased;
            order = inbox.recv() => {
                let Some((order, done)) = order else { return };
                match order {
                    Order::Reset | Order::Stop => resets.send_modify(|count| *count += 1),
                    Order::Set(new) => {
                        door = door.turn(addr, new != Mode::Refuse).await;
                        mode.send_replace(new);
                        if new == Mode::Refuse {
                            resets.send_modify(|count| *count += 1);
                        }
                    }
                }
                // The connections' own tasks see the change before the test goes on.
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                let _ = done.send(());
                if order == Order::Stop {
                    return;
                }
            }
            Some(Ok((client, _))) = door.accept() => {
                counts.accepted.fetch_add(1, SeqCst);
                tokio::spawn(connection(client, target, mode.subscribe(), resets.subscribe(), counts.clone()));
            }
        }
    }
}

/// The port: listening, or only bound, which the kernel answers with a refusal.
enum Door {
    Open(TcpListener),
    Shut(TcpSocket),
}

impl Door {
    async fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        match self {
            Self::Open(listener) => Some(listener.accept().await),
            Self::Shut(_) => std::future::pending().await,
        }
    }

    async fn turn(self, addr: SocketAddr, open: bool) -> Self {
        match (self, open) {
            (Self::Open(listener), false) => {
                drop(listener);
                Self::Shut(bind(addr).await)
            }
            (Self::Shut(socket), true) => Self::Open(socket.listen(1024).unwrap()),
            (unchanged, _) => unchanged,
        }
    }
}

/// Takes the port again, which is free for a moment only.
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

async fn connection(
    mut client: TcpStream,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
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
        // Either side's end is the end: the stores' protocols know no half-closed connections.
        tokio::select! {
            () = requests.run(from_client, to_server) => {}
            () = answers.run(from_server, to_client) => {}
        }
    };
    tokio::select! {
        _ = resets.changed() => {}
        () = forward => return,
    }
    // Closing then sends a reset, which is what a killed server looks like.
    let _ = client.set_zero_linger();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

struct Pump {
    direction: Direction,
    mode: watch::Receiver<Mode>,
    counts: Arc<Counts>,
}

impl Pump {
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let mut buffer = vec![0; 64 * 1024];
        let mut forwarded = 0;
        loop {
            // An end is news as well: it is held like everything else.
            let length = from.read(&mut buffer).await.unwrap_or(0);
            let mode = self.gate().await;
            if length == 0 || self.forward(mode, &buffer[..length], &mut forwarded, &mut to).await.is_err() {
                return;
            }
        }
    }

    /// Waits while the mode holds this direction, and says which mode it is then.
    async fn gate(&mut self) -> Mode {
        let direction = self.direction;
        let held = |mode: &Mode| match mode {
            Mode::Blackhole | Mode::Swallow => true,
            Mode::HoldAnswers => direction == Direction::Answers,
            _ => false,
        };
        let now = *self.mode.borrow_and_update();
        if !held(&now) {
            return now;
        }
        let _counted = Held::count(&self.counts);
        if now == Mode::Swallow {
            return std::future::pending().await;
        }
        let released = self.mode.wait_for(|mode| !held(mode)).await.map(|mode| *mode);
        match released {
            Ok(mode) => mode,
            // The proxy is gone, and this task with it.
            Err(_) => std::future::pending().await,
        }
    }

    async fn forward(
        &self,
        mode: Mode,
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
            (Mode::Latency(time), Direction::Requests) => sleep(time).await,
            (Mode::Drip(time), Direction::Answers) => {
                for byte in bytes {
                    sleep(time).await;
                    counter.fetch_add(1, SeqCst);
                    to.write_all(&[*byte]).await?;
                }
                return Ok(());
            }
            (Mode::CutAfter(limit), Direction::Answers) => {
                bytes = &bytes[..bytes.len().min(limit.saturating_sub(*forwarded))];
            }
            _ => {}
        }
        // Counted first, so that whoever received it finds it counted.
        counter.fetch_add(bytes.len() as u64, SeqCst);
        to.write_all(bytes).await?;
        *forwarded += bytes.len();
        match (mode, self.direction) {
            (Mode::CutAfter(limit), Direction::Answers) if *forwarded >= limit => {
                // An orderly end, so that the bytes before it arrive and are not lost to the reset.
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

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read, Write},
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(60);

    /// A server that says everything back, as long as this process lives.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut buffer = [0; 1024];
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..length]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        addr
    }

    fn connect(proxy: &FaultProxy) -> TcpStream {
        let stream = TcpStream::connect(proxy.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    fn say(stream: &mut TcpStream, text: &str) -> String {
        stream.write_all(text.as_bytes()).unwrap();
        hear(stream, text.len())
    }

    fn hear(stream: &mut TcpStream, length: usize) -> String {
        let mut buffer = vec![0; length];
        stream.read_exact(&mut buffer).unwrap();
        String::from_utf8(buffer).unwrap()
    }

    fn hears_nothing(stream: &mut TcpStream) {
        stream.set_read_timeout(Some(SHORT)).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }

    fn is_reset(stream: &mut TcpStream) {
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn it_passes_and_counts() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        assert_eq!(say(&mut stream, "hello"), "hello");
        assert_eq!((proxy.accepted(), proxy.bytes_of_requests(), proxy.bytes_of_answers()), (1, 5, 5));
    }

    #[test]
    fn latency_delays_each_request() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        proxy.set(Mode::Latency(SHORT));
        let start = Instant::now();
        say(&mut stream, "one");
        say(&mut stream, "two");
        assert!(start.elapsed() >= 2 * SHORT);
    }

    #[test]
    fn a_black_hole_accepts_and_lets_go_later() {
        let proxy = FaultProxy::to(echo());
        let mut before = connect(&proxy);
        say(&mut before, "x");
        proxy.set(Mode::Blackhole);
        let mut after = connect(&proxy);
        before.write_all(b"old").unwrap();
        after.write_all(b"new").unwrap();
        hears_nothing(&mut before);
        hears_nothing(&mut after);
        assert_eq!((proxy.held(), proxy.bytes_of_requests()), (2, 1));
        proxy.set(Mode::Pass);
        assert_eq!((hear(&mut before, 3), hear(&mut after, 3)), ("old".into(), "new".into()));
        assert_eq!(proxy.held(), 0);
    }

    #[test]
    fn what_is_swallowed_never_arrives() {
        let proxy = FaultProxy::to(echo());
        let mut before = connect(&proxy);
        say(&mut before, "x");
        proxy.set(Mode::Swallow);
        before.write_all(b"lost").unwrap();
        hears_nothing(&mut before);
        proxy.set(Mode::Pass);
        before.write_all(b"also").unwrap();
        hears_nothing(&mut before);
        assert_eq!(say(&mut connect(&proxy), "new"), "new");
    }

    #[test]
    fn answers_are_held_after_the_work_is_done() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        proxy.set(Mode::HoldAnswers);
        stream.write_all(b"work").unwrap();
        hears_nothing(&mut stream);
        assert_eq!((proxy.bytes_of_requests(), proxy.bytes_of_answers(), proxy.held()), (4, 0, 1));
        proxy.set(Mode::Pass);
        assert_eq!(hear(&mut stream, 4), "work");
    }

    #[test]
    fn refusing_resets_the_old_and_turns_away_the_new_until_it_passes_again() {
        let proxy = FaultProxy::to(echo());
        for _ in 0..20 {
            let mut stream = connect(&proxy);
            say(&mut stream, "x");
            proxy.set(Mode::Refuse);
            is_reset(&mut stream);
            let error = TcpStream::connect(proxy.addr()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            proxy.set(Mode::Pass);
            assert_eq!(say(&mut connect(&proxy), "back"), "back");
        }
    }

    #[test]
    fn a_reset_ends_open_connections_only() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        say(&mut stream, "x");
        proxy.reset_connections();
        is_reset(&mut stream);
        assert_eq!(say(&mut connect(&proxy), "new"), "new");
    }

    #[test]
    fn a_drip_takes_its_time_for_each_byte() {
        let proxy = FaultProxy::to(echo());
        proxy.set(Mode::Drip(Duration::from_millis(10)));
        let start = Instant::now();
        assert_eq!(say(&mut connect(&proxy), "0123456789"), "0123456789");
        assert!(start.elapsed() >= Duration::from_millis(100));
    }

    #[test]
    fn a_cut_comes_after_so_many_bytes_of_answers() {
        let proxy = FaultProxy::to(echo());
        proxy.set(Mode::CutAfter(7));
        let mut stream = connect(&proxy);
        assert_eq!(say(&mut stream, "01234"), "01234");
        stream.write_all(b"56789").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"56");
    }

    #[test]
    fn a_dropped_proxy_is_gone() {
        let proxy = FaultProxy::to(echo());
        let addr = proxy.addr();
        let mut stream = connect(&proxy);
        say(&mut stream, "x");
        drop(proxy);
        is_reset(&mut stream);
        assert!(TcpStream::connect(addr).is_err());
    }
}
