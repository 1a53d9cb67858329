//! A site that is not Gatehouse, at a port of its own: it answers each request with the request's own head.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// The site, which runs until the tests end.
pub struct OtherSite {
    pub addr: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl OtherSite {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let counted = Arc::clone(&counted);
                // Browsers open connections before they send anything.
                thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                    counted.fetch_add(1, Ordering::SeqCst);
                    let body = head.join("\n");
                    let answer = format!(
                        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    // The other end may have gone.
                    let _ = stream.write_all(answer.as_bytes());
                });
            }
        });
        Self { addr, requests }
    }

    /// The origin of the site by one of this machine's names.
    pub fn origin(&self, host: &str) -> String {
        format!("http://{host}:{}", self.addr.port())
    }

    /// How many requests it got.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}
