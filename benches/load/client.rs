//! A minimal HTTP/1.1 client over keep-alive connections: it parses no more than what checking a response takes.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{coding::Coding, server::COOKIE};

/// The headers of a browser, as far as they change what the server does.
const HEADERS: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n";

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A keep-alive connection, with the last response in its buffer.
pub struct Connection {
    port: u16,
    stream: TcpStream,
    received: Vec<u8>,
}

/// A response as it was received.
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// The value of a cookie that the response sets.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            let value = value.strip_prefix(name)?.strip_prefix('=')?;
            header.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next()).flatten()
        })
    }

    /// The value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether the body contains the text.
    pub fn contains(&self, text: &str) -> bool {
        memmem::find(self.body, text.as_bytes()).is_some()
    }

    /// The value of a hidden form field.
    pub fn field_value(&self, field: &str) -> Option<String> {
        self.between(&format!("name=\"{field}\" value=\""), '"')
    }

    /// The text of the body between the first occurrence of `text` and the next `end`.
    pub fn between(&self, text: &str, end: char) -> Option<String> {
        let body = std::str::from_utf8(self.body).ok()?;
        let (_, rest) = body.split_once(text)?;
        Some(rest.split(end).next()?.to_owned())
    }

    /// The error for a response other than the expected one.
    pub fn unexpected(&self, expected: &str) -> anyhow::Error {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]);
        anyhow::anyhow!("unexpected response, expected {expected}:\n{}\n\n{body}", self.head)
    }
}

impl Connection {
    /// Connects to a port on 127.0.0.1.
    pub async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { port, stream, received: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a GET request with a cookie, given as `name=value`.
    pub async fn get(&mut self, path: &str, cookie: &str) -> Result<Response<'_>> {
        self.get_coded(path, cookie, None).await
    }

    /// The same, as a client that accepts a coding.
    pub async fn get_coded(
        &mut self,
        path: &str,
        cookie: &str,
        coding: Option<Coding>,
    ) -> Result<Response<'_>> {
        let port = self.port;
        let accept = coding.map(|coding| format!("Accept-Encoding: {}\r\n", coding.name()));
        let accept = accept.unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{HEADERS}{accept}Cookie: {cookie}\r\n\r\n"
        );
        self.send(request.as_bytes()).await
    }

    /// Posts a form without a cookie.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Response<'_>> {
        self.post_with_cookie(path, "", fields).await
    }

    /// Posts a form with a cookie, given as `name=value`.
    pub async fn post_with_cookie(
        &mut self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response<'_>> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post_body(path, cookie, &[("Content-Type", "application/x-www-form-urlencoded")], &form).await
    }

    /// Posts nothing but headers, with a cookie, given as `name=value`.
    pub async fn post_empty(
        &mut self,
        path: &str,
        cookie: &str,
        headers: &[(&str, &str)],
    ) -> Result<Response<'_>> {
        self.post_body(path, cookie, headers, "").await
    }

    async fn post_body(
        &mut self,
        path: &str,
        cookie: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Response<'_>> {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (port, length) = (self.port, body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{HEADERS}{headers}Cookie: {cookie}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.send(request.as_bytes()).await
    }

    /// Signs in and returns the session cookie as `name=value`.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Result<String> {
        let response = self.post("/login", &[("email", email), ("password", password)]).await?;
        let cookie = response.cookie(COOKIE).filter(|_| response.status == 303);
        Ok(format!("{COOKIE}={}", cookie.ok_or_else(|| response.unexpected("a sign-in"))?))
    }

    async fn send(&mut self, request: &[u8]) -> Result<Response<'_>> {
        tokio::time::timeout(TIMEOUT, self.exchange(request)).await.context("no response in time")?
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>> {
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
        Ok(Response { status, head, body })
    }

    async fn receive(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the server closed the connection");
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
    bail!("a response without Content-Length:\n{head}")
}
