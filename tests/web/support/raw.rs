//! Requests byte by byte: an ordinary client normalizes `..` and `%2e%2e` in an address before it sends it.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{app::TestApp, client::Client, database::SessionTime, eventually::eventually};

/// The response: its status, and all of it as text.
pub struct RawAnswer {
    pub status: u16,
    pub text: String,
}

/// Sends any bytes and reads until the connection is closed.
pub async fn raw_bytes(addr: SocketAddr, request: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    RawAnswer::read(stream).await
}

impl TestApp {
    /// Sends a request line unchanged, with the client's cookies.
    pub async fn raw(&self, client: &Client, method: &str, target: &str) -> RawAnswer {
        let pairs: Vec<_> =
            client.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let host = self.addr();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
            pairs.join("; ")
        );
        self.raw_bytes(request.as_bytes()).await
    }

    /// As [`raw_bytes`].
    pub async fn raw_bytes(&self, request: &[u8]) -> RawAnswer {
        raw_bytes(self.addr(), request).await
    }

    /// As [`TestApp::hold_form`]; returns once the request has passed the access check, where the use of its session is recorded.
    pub async fn hold_checked_form(
        &self,
        client: &Client,
        session: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> HeldForm {
        self.set_session_time(session, SessionTime::LastSeen, "2026-01-01 00:00:00");
        let held = self.hold_form(client, path, fields).await;
        eventually(|| async { self.was_seen_again(session) }).await;
        held
    }

    /// Sends a form except for its last byte, with the client's cookies.
    pub async fn hold_form(&self, client: &Client, path: &str, fields: &[(&str, &str)]) -> HeldForm {
        let pairs: Vec<_> =
            client.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let host = self.addr();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        // The byte that is held back is a separator after the last field.
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\nAccept: text/html\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            pairs.join("; "),
            body.len() + 1,
        );
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        HeldForm(stream)
    }
}

/// A form whose last byte has not been sent.
pub struct HeldForm(TcpStream);

impl HeldForm {
    /// Sends the last byte and reads the answer.
    pub async fn finish(mut self) -> RawAnswer {
        self.0.write_all(b"&").await.unwrap();
        RawAnswer::read(self.0).await
    }
}

impl RawAnswer {
    async fn read(mut stream: TcpStream) -> Self {
        let mut answer = Vec::new();
        // The application may close the connection of a request that it refuses.
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Self { status, text }
    }
}
