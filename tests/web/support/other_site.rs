//! A site that is not Gatehouse, at a port of its own: it answers each request with the request's own head.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
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
        Self::answering(|_| "200 OK")
    }

    /// A site whose status depends on how often a path was asked for before.
    pub fn answering(status: fn(usize) -> &'static str) -> Self {
        let asked = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (counted, asked) = (Arc::clone(&counted), Arc::clone(&asked));
                // Browsers open connections before they send anything.
                thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                    counted.fetch_add(1, Ordering::SeqCst);
                    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
                    let before = {
                        let mut asked = asked.lock().unwrap();
                        let count = asked.entry(path.to_owned()).or_default();
                        *count += 1;
                        *count - 1
                    };
                    let status = status(before);
                    let body = head.join("\n");
                    let answer = format!(
                        "HTTP/1.0 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
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
