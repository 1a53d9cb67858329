//! The load generator: HTTP/1.1 over kept connections with no more parsing than it takes to check an answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{PASSWORD, Server, User, app::COOKIE};

/// What a browser sends along, as far as it matters for the work.
pub const HEADERS: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n";

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// One kept connection.
pub struct Connection {
    port: u16,
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer as it came.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: &'a str,
    /// The page.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The value of the cookie that the answer sets.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            let value = value.strip_prefix(name)?.strip_prefix('=')?;
            header.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next()).flatten()
        })
    }

    /// Whether the body contains the text.
    pub fn shows(&self, text: &str) -> bool {
        memmem::find(self.body, text.as_bytes()).is_some()
    }

    /// The value of a hidden field of the page.
    pub fn value(&self, field: &str) -> Option<String> {
        self.between(&format!("name=\"{field}\" value=\""), '"')
    }

    /// What the page has between the first of a text and the end.
    pub fn between(&self, text: &str, end: char) -> Option<String> {
        let page = std::str::from_utf8(self.body).ok()?;
        let (_, rest) = page.split_once(text)?;
        Some(rest.split(end).next()?.to_owned())
    }

    /// The error for an answer that is not the right one.
    pub fn wrong(&self, wanted: &str) -> anyhow::Error {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]);
        anyhow::anyhow!("wrong answer, wanted {wanted}:\n{}\n\n{body}", self.head)
    }
}

impl Connection {
    /// Connects to a port of this machine.
    pub async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { port, stream, received: Vec::with_capacity(16 * 1024) })
    }

    /// Asks for a page with a cookie, given as `name=value`.
    pub async fn get(&mut self, path: &str, cookie: &str) -> Result<Answer<'_>> {
        let port = self.port;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{HEADERS}Cookie: {cookie}\r\n\r\n");
        self.send(request.as_bytes()).await
    }

    /// Sends a form without a cookie.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer<'_>> {
        self.post_as(path, "", fields).await
    }

    /// Sends a form with a cookie, given as `name=value`.
    pub async fn post_as(&mut self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Result<Answer<'_>> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let (port, length) = (self.port, form.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{HEADERS}Cookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        );
        self.send(request.as_bytes()).await
    }

    async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        tokio::time::timeout(PATIENCE, self.exchange(request)).await.context("no answer in time")?
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.received.clear();
        self.stream.write_all(request).await?;
        let body = loop {
            self.receive().await?;
            if let Some(end) = memmem::find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let length = content_length(std::str::from_utf8(&self.received[..body])?)?;
        while self.received.len() < body + length {
            self.receive().await?;
        }
        let (head, body) = self.received.split_at(body);
        let head = std::str::from_utf8(head)?;
        let status = head.get(9..12).and_then(|code| code.parse().ok()).context("no status code")?;
        Ok(Answer { status, head, body })
    }

    async fn receive(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the server hung up");
        Ok(())
    }
}

fn content_length(head: &str) -> Result<usize> {
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.parse()?);
        }
    }
    bail!("an answer without a length:\n{head}")
}

/// Pseudo-random numbers, good enough to choose users with (xorshift).
pub struct Dice(u64);

impl Dice {
    /// Throws that differ from those of other seeds.
    pub fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// One of the items.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        &items[(self.0 >> 16) as usize % items.len()]
    }
}

/// Fetches the page of the users again and again until `end`, each answer checked; the result is every latency.
pub async fn read_pages(
    server: Server,
    users: Arc<[User]>,
    seed: usize,
    end: Instant,
    pause: Option<Duration>,
) -> Result<Vec<Duration>> {
    let (mut dice, mut latencies) = (Dice::new(seed), Vec::with_capacity(100_000));
    let mut connection = Connection::open(server.port).await?;
    while Instant::now() < end {
        let user = dice.choose(&users);
        let start = Instant::now();
        let answer = connection.get("/profile", (server.cookie)(user)).await?;
        let took = start.elapsed();
        if answer.status != 200 || !answer.shows(&user.email) {
            return Err(answer.wrong(&format!("the page of {}", user.email)));
        }
        latencies.push(took);
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(latencies)
}

/// Signs users in again and again until `end`, each answer checked; the result is every latency.
pub async fn sign_in(server: Server, users: Arc<[User]>, seed: usize, end: Instant) -> Result<Vec<Duration>> {
    let (mut dice, mut latencies) = (Dice::new(seed), Vec::new());
    let mut connection = Connection::open(server.port).await?;
    while Instant::now() < end {
        let user = dice.choose(&users);
        let start = Instant::now();
        let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("next", "")];
        let answer = connection.post("/login", &fields).await?;
        let took = start.elapsed();
        if answer.status != 303 || answer.cookie(COOKIE).is_none() {
            return Err(answer.wrong(&format!("a sign-in of {}", user.email)));
        }
        latencies.push(took);
    }
    Ok(latencies)
}
