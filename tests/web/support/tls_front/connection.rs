//! One connection of a browser: one request, so that each is seen, and its answer as it comes.

use std::io;

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy, split},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{
    exchange::{Exchange, Headers, parse},
    front::{PathRule, Shared},
};

const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Answers the request of a connection. An error means that either side has gone.
pub(super) async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: &Shared) -> io::Result<()> {
    let (from_client, mut to_client) = split(acceptor.accept(stream).await?);
    let mut from_client = BufReader::new(from_client);
    let head = read_head(&mut from_client).await?;
    let Some((line, headers)) = parse(&head) else { return Ok(()) };
    let exchange = arrived(line, headers);
    let (path, host) = (exchange.path().to_owned(), exchange.host.clone());
    let forwarded = forwarded_head(&exchange);
    let number = shared.note(exchange);
    let rule = shared.rule(&path).await;
    match rule {
        PathRule::Cut => return Ok(()),
        PathRule::Fail => {
            to_client.write_all(UNAVAILABLE.as_bytes()).await?;
            return to_client.shutdown().await;
        }
        PathRule::Pass | PathRule::Hold | PathRule::LoseAnswer => {}
    }

    let (from_server, mut to_server) = TcpStream::connect(shared.target(&host)).await?.into_split();
    let mut from_server = BufReader::new(from_server);
    to_server.write_all(forwarded.as_bytes()).await?;
    let answer = async {
        let head = read_head(&mut from_server).await?;
        if let Some((line, headers)) = parse(&head) {
            shared.note_answer(number, line, headers);
        }
        if rule == PathRule::LoseAnswer {
            return Ok(());
        }
        to_client.write_all(head.as_bytes()).await?;
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    // The end of what the browser sends is its end: it closes the connection when nobody waits for the answer.
    tokio::select! {
        done = answer => done,
        done = copy(&mut from_client, &mut to_server) => done.map(drop),
    }
}

/// Reads to the end of a head, or to the end of the connection.
async fn read_head(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && from.read_until(b'\n', &mut head).await? > 0 {}
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn arrived(line: &str, request: Headers) -> Exchange {
    let mut words = line.split(' ').map(str::to_owned);
    let host = request.get("host").unwrap_or_default();
    Exchange {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        host: host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned(),
        request,
        status: None,
        answer: Headers::default(),
    }
}

/// The head as a proxy sends it on, for a connection of its own.
fn forwarded_head(exchange: &Exchange) -> String {
    let upgrades = exchange.request.get("upgrade").is_some();
    let kept = exchange.request.0.iter().filter(|(name, _)| upgrades || name != "connection");
    let mut head = format!("{} {} HTTP/1.1\r\n", exchange.method, exchange.target);
    for (name, value) in kept {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !upgrades {
        head.push_str("connection: close\r\n");
    }
    head.push_str("x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: https\r\n\r\n");
    head
}
