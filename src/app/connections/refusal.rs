//! What a client is told that sent no request which the application could answer. The HTTP parser's own answers have a status
//! and nothing else; these have the security headers, `Connection: close` and a sentence.

use std::{
    io::{self, Read as _, Write as _},
    time::SystemTime,
};

use actix_web::{
    http::{
        StatusCode,
        header::{HeaderMap, HttpDate},
    },
    rt::net::TcpStream,
};
use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    LINGER,
    room::{Full, Place},
    transport::Transport,
};
use crate::{clock::now_utc, config::Server, layout::error_texts::ErrorTexts, security::headers};

/// Longest answer of the HTTP parser.
const MAX_OF_PARSER: usize = 256;

/// What every answer of the application has.
const OWN_HEADER: &[u8] = b"x-content-type-options: ";

/// The answers, with the headers of this site.
pub(super) struct Refusals {
    headers: String,
}

impl Refusals {
    pub(super) fn new(config: &Server) -> Self {
        let mut map = HeaderMap::new();
        headers::insert(&mut map, config);
        let lines = map
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes())));
        Self { headers: lines.collect() }
    }

    /// The answer with this status.
    pub(super) fn bytes(&self, status: StatusCode) -> Vec<u8> {
        let texts = ErrorTexts::of(status);
        self.answer(status, "", &format!("{}. {}\n", texts.title, texts.message))
    }

    /// The answer to a client for whose connection there is no room.
    pub(super) fn full(&self, full: Full) -> Vec<u8> {
        let (status, text) = match full {
            Full::Client => (StatusCode::TOO_MANY_REQUESTS, "Your address has too many connections open.\n"),
            Full::Server => (StatusCode::SERVICE_UNAVAILABLE, "Too many connections are open.\n"),
        };
        self.answer(status, "retry-after: 5\r\n", text)
    }

    fn answer(&self, status: StatusCode, more: &str, text: &str) -> Vec<u8> {
        let (date, length) = (HttpDate::from(SystemTime::from(now_utc())), text.len());
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ndate: {date}\r\n{more}{}\
             content-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\r\n{text}",
            self.headers
        )
        .into_bytes()
    }
}

/// Finds an answer of the HTTP parser at the end of what is written: where it begins, and its status. It is the last one of its
/// connection.
pub(super) fn of_the_parser(written: &[u8]) -> Option<(usize, StatusCode)> {
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let skipped = written.len().saturating_sub(MAX_OF_PARSER);
    let at = skipped + memmem::rfind(&written[skipped..], b"HTTP/1.")?;
    let answer = &written[at..];
    let is_bare =
        memmem::find(answer, b"\r\n\r\n")? + 4 == answer.len() && memmem::find(answer, OWN_HEADER).is_none();
    let status = StatusCode::from_bytes(answer.get(9..12)?).ok()?;
    (is_bare && (status.is_client_error() || status.is_server_error())).then_some((at, status))
}

/// Sends the answer and closes the connection. What the client still sends is taken in for a while: at a connection that is closed
/// with unread bytes a client may never see the answer.
pub(super) async fn close<T: Transport>(mut io: T, answer: Vec<u8>, place: Place) {
    let closed = async {
        io.write_all(&answer).await?;
        io.shutdown().await?;
        let mut rest = [0; 4096];
        while io.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // The client may have gone.
    drop(tokio::time::timeout(LINGER, closed).await);
    drop(place);
}

/// Tells a client that there is no room for its connection, without waiting.
pub(super) fn turn_away(stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut stream = stream.into_std()?;
    // The answer fits into the empty buffer of a new connection.
    stream.write_all(answer)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // What has come already; with bytes unread the answer may be lost. An error is that there is nothing.
    let _ = stream.read(&mut [0; 4096]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str =
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Thu, 26 Nov 2026 12:00:00 GMT\r\n\r\n";

    #[test]
    fn answer_of_the_parser_is_found_at_the_end_only() {
        let own = "HTTP/1.1 200 OK\r\nx-content-type-options: nosniff\r\ncontent-length: 2\r\n\r\nok";
        let found = |text: &str| of_the_parser(text.as_bytes()).map(|(at, status)| (at, status.as_u16()));
        assert_eq!(found(BARE), Some((0, 400)));
        assert_eq!(found(&format!("{own}{BARE}")), Some((own.len(), 400)));
        assert_eq!(
            found(&BARE.replace("400 Bad Request", "431 Request Header Fields Too Large")),
            Some((0, 431))
        );
        for other in [
            own.to_owned(),
            format!("{BARE}{own}"),
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request\r\nx-content-type-options: nosniff\r\n\r\n".to_owned(),
            "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            "0\r\n\r\n".to_owned(),
            "HTTP/1.\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(found(&other), None, "{other}");
        }
    }
}
