//! Tests clients that hold many connections or never read, and requests that the HTTP parser refuses. How slow clients end is
//! tested beside the connections (`src/app/connections/tests.rs`), where time passes faster.

use std::{
    io::Write as _,
    net::{IpAddr, SocketAddr},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::support::*;

/// A connection from another address of this machine.
async fn connect_from(last: u8, addr: SocketAddr) -> TcpStream {
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

on_both_stacks!(unread_pipelines_take_little_memory, |stack| async {
    let program = TestApp::builder(stack).start_program();
    let ada = Person::new("Ada Lovelace");
    let client = program.client();
    ada.register(&client).await;
    let before = program.memory();
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
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 64, "{grown} MiB");
    client.get("/profile").await.expect(200).has(&ada.email);
});

/// Bytes that the system holds for the client of a connection, which has not taken them, as Linux tells them.
fn held_by_the_system(stream: &TcpStream) -> usize {
    let in_table = |addr: SocketAddr| match addr.ip() {
        IpAddr::V4(ip) => format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), addr.port()),
        IpAddr::V6(_) => panic!("{addr}"),
    };
    let ends = [stream.peer_addr().unwrap(), stream.local_addr().unwrap()].map(in_table).join(" ");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let line = table.lines().find(|line| line.contains(&ends)).unwrap();
    let (unsent, _) = line.split_whitespace().nth(4).unwrap().split_once(':').unwrap();
    usize::from_str_radix(unsent, 16).unwrap()
}

on_both_stacks!(unread_answer_takes_little_of_the_system, |stack| async {
    let pages = tempfile::TempDir::new().unwrap();
    std::fs::write(pages.path().join("film.mp4"), vec![b'a'; 16 * 1024 * 1024]).unwrap();
    let app = TestApp::builder(stack).var("PAGES_DIR", pages.path().display()).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let cookie = client.cookie(COOKIE).unwrap().value;
    let mut stream = connect_from(1, app.addr()).await;
    let request =
        format!("GET /pages/film.mp4 HTTP/1.1\r\nHost: {}\r\nCookie: {COOKIE}={cookie}\r\n\r\n", app.addr());
    stream.write_all(request.as_bytes()).await.unwrap();
    eventually(|| async { held_by_the_system(&stream) > 64 * 1024 }).await;
    for _ in 0..20 {
        client.get("/profile").await.expect(200);
        let held = held_by_the_system(&stream);
        assert!(held < 512 * 1024, "{held} bytes");
    }
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

on_both_stacks!(connections_in_all_are_what_open_files_leave, |stack| async {
    // Of 300 files 44 are for connections, a quarter of them for one client.
    let program = TestApp::builder(stack).open_files(OpenFiles { soft: 260, hard: 300 }).start_program();
    let open = async |last: u8, count: usize| {
        join_all((0..count).map(|_| async {
            let mut stream = connect_from(last, program.addr()).await;
            (status(&mut stream).await, stream)
        }))
        .await
    };
    let statuses =
        |opened: &[(Option<u16>, TcpStream)]| opened.iter().map(|(status, _)| *status).collect::<Vec<_>>();
    // Connections of the start are closed by then.
    eventually(|| async { statuses(&open(2, 11).await) == [Some(200); 11] }).await;
    let mut all = Vec::new();
    for last in 3..7 {
        all.extend(open(last, 11).await);
    }
    assert_eq!(statuses(&all), [Some(200); 44]);
    assert_eq!(statuses(&open(3, 1).await), [Some(503)], "there is no room in all");
    all.truncate(33);
    eventually(|| async { statuses(&open(7, 1).await) == [Some(200)] }).await;
    assert_eq!(statuses(&open(3, 1).await), [Some(429)], "the client has its share");
});

on_both_stacks!(burst_of_connections_waits_to_be_accepted, |stack| async {
    let program = TestApp::builder(stack).start_program();
    program.freeze();
    let connected = join_all((0..300).map(|number| connect_from((number / 100 + 1) as u8, program.addr())));
    // What does not fit into the system's queue would be tried again for minutes.
    let connected = tokio::time::timeout(std::time::Duration::from_secs(20), connected).await;
    program.thaw();
    let mut last = connected.unwrap().pop().unwrap();
    assert_eq!(status(&mut last).await, Some(200));
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
