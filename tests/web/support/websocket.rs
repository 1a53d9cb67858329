//! A WebSocket as a browser opens it (RFC 6455), without compression; its texts are short.

use std::time::Duration;

use reqwest::Upgraded;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::client::Request;

const LONGEST: Duration = Duration::from_secs(60);

/// What a server sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    /// The end, with its code.
    Close(u16),
    /// The connection has ended without one.
    Lost,
}

/// An open connection.
pub struct WebSocket(Upgraded);

impl Request<'_> {
    /// Opens a WebSocket; the error is the status of a refusal.
    pub async fn open_socket(self) -> Result<WebSocket, u16> {
        let request = self.header("connection", "Upgrade").header("upgrade", "websocket");
        let request = request.header("sec-websocket-version", "13");
        let response =
            request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").respond().await.unwrap();
        match response.status().as_u16() {
            101 => Ok(WebSocket(response.upgrade().await.unwrap())),
            status => Err(status),
        }
    }
}

impl WebSocket {
    /// Sends a text and waits for the same one.
    #[track_caller]
    pub fn echoes(&mut self, text: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let sent = text.to_owned();
        async move { assert_eq!(self.answer_to(&sent).await, Frame::Text(sent), "{caller}") }
    }

    /// Sends a text; returns what comes back.
    pub async fn answer_to(&mut self, text: &str) -> Frame {
        // Masked with nothing.
        let head = [0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        match self.0.write_all(&[&head[..], text.as_bytes()].concat()).await {
            Ok(()) => self.next().await,
            Err(_) => Frame::Lost,
        }
    }

    /// The next frame; waits for at most ten seconds.
    pub async fn next(&mut self) -> Frame {
        let frame = timeout(LONGEST, self.read()).await.expect("a frame within ten seconds");
        frame.unwrap_or(Frame::Lost)
    }

    async fn read(&mut self) -> std::io::Result<Frame> {
        let kind = self.0.read_u8().await?;
        let mut data = vec![0; usize::from(self.0.read_u8().await?)];
        self.0.read_exact(&mut data).await?;
        Ok(match kind {
            0x81 => Frame::Text(String::from_utf8(data).unwrap()),
            0x88 => Frame::Close(data.first_chunk().map_or(0, |code| u16::from_be_bytes(*code))),
            other => panic!("a frame of kind {other:#x}"),
        })
    }
}
