//! Tests clients that hold many connections or never read, and requests that the HTTP parser refuses. How slow clients end is
//! tested beside the connections (`src/app/connections/tests.rs`), where time passes faster.

use std::io::{Read as _, Write as _};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::support::*;

/// A connection from another address of this machine.
async fn connect_from(last: u8, addr: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // What nobody reads is then the server's to keep.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind((std::net::Ipv4Addr::new(127, 0, 9, last), 0).into()).unwrap();
    socket.connect(addr).await.unwrap()
}

/// Sends a request; returns the answer's status, or `None` when the connection is closed without.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", stream.peer_addr().ok()?);
    let _ = stream.write_all(request.as_bytes()).await;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.ok()?;
    std::str::from_utf8(&line[9..]).unwrap().parse().ok()
}

/// Resident memory of a process, in MiB.
fn memory(process: u32) -> usize {
    let mut text = String::new();
    std::fs::File::open(format!("/proc/{process}/status")).unwrap().read_to_string(&mut text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

on_both_stacks!(unread_pipelines_take_little_memory, |stack| async {
    let program = TestApp::builder(stack).start_program();
    let ada = Person::new("Ada Lovelace");
    let client = program.client();
    ada.register(&client).await;
    let before = memory(program.id());
    let pipeline = format!("GET /static/app.css HTTP/1.1\r\nHost: {}\r\n\r\n", program.addr()).repeat(4_500);
    let mut unread = Vec::new();
    for _ in 0..50 {
        let stream = connect_from(1, program.addr()).await.into_std().unwrap();
        unread.push(stream);
    }
    // Until nobody takes a byte any more: all that is taken without being read is taken by then.
    eventually(|| async {
        let send = |mut stream: &std::net::TcpStream| stream.write(pipeline.as_bytes()).unwrap_or(0);
        let sent: usize = unread.iter().map(send).sum();
        client.get("/profile").await.expect(200);
        sent == 0
    })
    .await;
    let grown = memory(program.id()).saturating_sub(before);
    assert!(grown < 64, "{grown} MiB");
    client.get("/profile").await.expect(200).has(&ada.email);
});

on_both_stacks!(client_has_its_share_of_connections, |stack| async {
    let app = TestApp::builder(stack).var("TRUSTED_PROXIES", "127.0.9.9").start().await;
    let open = async |last: u8, count: usize| {
        join_all((0..count).map(|_| async {
            let mut stream = connect_from(last, app.addr()).await;
            assert_eq!(status(&mut stream).await, Some(200));
            stream
        }))
        .await
    };
    let mine = open(2, 256).await;
    let mut turned_away = connect_from(2, app.addr()).await;
    let mut answer = String::new();
    turned_away.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    for header in ["connection: close", "retry-after: 5", "x-content-type-options: nosniff"] {
        assert!(answer.contains(header), "{answer}");
    }
    // Others have theirs, and everybody's connections come from a proxy.
    app.client().get("/").await.expect(200);
    assert_eq!(open(9, 300).await.len(), 300);
    drop(mine);
    eventually(|| async {
        let mut stream = connect_from(2, app.addr()).await;
        status(&mut stream).await == Some(200)
    })
    .await;
});

on_both_stacks!(refused_request_has_security_headers, |stack| async {
    let app = TestApp::start(stack).await;
    let host = format!("Host: {}\r\n", app.addr());
    let many = "X: a\r\n".repeat(97);
    for (request, statuses) in [
        ("nonsense\r\n\r\n".to_owned(), [400, 400]),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), [400, 400]),
        (format!("GET / HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n"), [400, 400]),
        (format!("GET / HTTP/1.1\r\n{host}a b: c\r\n\r\n"), [400, 400]),
        (format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), [431, 431]),
        (format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(128 * 1024)), [431, 431]),
        (format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(64 * 1024)), [414, 431]),
        (format!("OPTIONS * HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), [405, 405]),
        (format!("TRACE /nope HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), [405, 405]),
        (format!("GET /nope HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), [404, 404]),
    ] {
        let answer = app.raw_bytes(request.as_bytes()).await;
        let shown = &request[..request.len().min(60)];
        assert!(statuses.contains(&answer.status), "{shown:?}: {}", answer.text);
        for header in [
            "connection: close\r\n",
            "x-content-type-options: nosniff\r\n",
            "content-security-policy: default-src 'none'",
            "referrer-policy: ",
            "cross-origin-opener-policy: ",
            "permissions-policy: ",
            "cache-control: no-store\r\n",
        ] {
            assert!(answer.text.contains(header), "{shown:?}: no {header:?}: {}", answer.text);
        }
        assert_eq!(answer.text.contains("allow: GET, HEAD, POST"), answer.status == 405, "{}", answer.text);
    }
});
