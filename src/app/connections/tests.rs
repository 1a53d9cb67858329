//! The HTTP service over connections whose clients are slow, in a time that passes as fast as nothing else happens.

use std::{cell::Cell, convert::Infallible, rc::Rc, sync::Arc, time::Duration};

use actix_http::{HttpMessage as _, HttpService, KeepAlive, Request, Response};
use actix_service::{Service as _, ServiceFactory as _, fn_service};
use actix_web::{
    body::{BodyStream, BoxBody},
    rt,
    web::Bytes,
};
use futures_util::stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    Answer, LINGER, Progress, connection::Connection, refusal::Refusals, room::Room, transport::Transport,
};
use crate::config::Config;

/// The size of `/big`.
const BIG: usize = 1024 * 1024;

thread_local! {
    /// Whether a connection was to be closed without what it still had to send.
    static ABORTED: Cell<bool> = const { Cell::new(false) };
}

impl Transport for DuplexStream {
    fn abort_on_close(&self) {
        ABORTED.set(true);
    }
}

/// What the HTTP parser says to a malformed request.
const OF_THE_PARSER: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

/// Answers `/big` with a megabyte, `/none` with nothing, `/alike` with what looks like an answer of the HTTP parser, `/events` with an
/// event a minute for an hour, `/read` once it has the body, and all else at once.
async fn answer(mut req: Request) -> Result<Response<Answer>, Infallible> {
    let progress = req.conn_data::<Rc<Progress>>().cloned().unwrap();
    let underway = progress.begin(req.headers());
    let body = match req.path() {
        "/big" => BoxBody::new(vec![b'a'; BIG]),
        "/none" => BoxBody::new(()),
        "/alike" => BoxBody::new(OF_THE_PARSER),
        "/events" => BoxBody::new(BodyStream::new(stream::unfold(0, async |count| {
            sleep(Duration::from_secs(60)).await;
            (count < 60).then(|| (Ok::<_, Infallible>(Bytes::from_static(b"data: a\n\n")), count + 1))
        }))),
        "/read" => {
            let mut payload = req.take_payload();
            let mut length = 0;
            while let Some(Ok(chunk)) = std::future::poll_fn(|cx| {
                futures_util::Stream::poll_next(std::pin::Pin::new(&mut payload), cx)
            })
            .await
            {
                length += chunk.len();
            }
            BoxBody::new(format!("read {length}"))
        }
        _ => BoxBody::new("answered"),
    };
    Ok(Response::ok().set_body(Answer::new(body, Some(underway))))
}

/// A client's end of a connection to the service.
async fn connect() -> DuplexStream {
    serve().await.0
}

/// A client's end, and the task of the service.
async fn serve() -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = duplex(16 * 1024);
    let vars = [
        (
            "SESSION_SECRET",
            "9b1c6f04d7e2a853".to_owned() + "9c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2",
        ),
        ("BASE_URL", "https://example.org".to_owned()),
    ];
    let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value))).unwrap();
    // Its own times are those of the real clock.
    let http = HttpService::build()
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        .on_connect_ext(|connection: &Connection<DuplexStream>, data| {
            data.insert(connection.progress());
        })
        .h1(fn_service(answer));
    let http = http.new_service(()).await.unwrap();
    let place = Room::new(&[]).enter([192, 0, 2, 1].into()).ok().unwrap();
    let connection = Connection::new(server, Arc::new(Refusals::new(&config.server)), place);
    (client, rt::spawn(async move { drop(http.call((connection, None)).await) }))
}

/// Sends the beginning and then the rest a byte every two seconds, over and over. Returns what was answered, and after how long the
/// connection was closed.
async fn trickle(begin: &str, rest: &str) -> (String, Duration) {
    let (mut reader, mut writer) = tokio::io::split(connect().await);
    let start = Instant::now();
    writer.write_all(begin.as_bytes()).await.unwrap();
    let bytes = rest.as_bytes().to_owned();
    let writing = rt::spawn(async move {
        for byte in bytes.into_iter().cycle() {
            sleep(Duration::from_secs(2)).await;
            if writer.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    });
    let mut answer = String::new();
    let closed = timeout(Duration::from_secs(120), reader.read_to_string(&mut answer)).await;
    assert!(closed.is_ok(), "{begin:?} {rest:?}: still open: {answer}");
    writing.abort();
    (answer, start.elapsed())
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SIZED: &str = "HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[actix_web::test]
async fn slow_head_408() {
    tokio::time::pause();
    for (begin, rest) in [
        ("", "GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaa"),
        ("GET / HT", "a"),
        ("GET / HT", ""),
        ("\r\n", "\r\n"),
    ] {
        for begin in [begin.to_owned(), format!("{GET}{begin}"), format!("{GET}{GET}{begin}")] {
            let (answer, after) = trickle(&begin, rest).await;
            let (_, last) = answer.rsplit_once("HTTP/1.1 ").unwrap();
            assert!(last.starts_with("408 "), "{begin:?}: {answer}");
            let head = last.split("\r\n\r\n").next().unwrap();
            for header in
                ["connection: close", "x-content-type-options: nosniff", "strict-transport-security: "]
            {
                assert!(head.contains(header), "{head}");
            }
            assert!(after <= Duration::from_secs(14), "{begin:?}: {after:?}");
            assert_eq!(answer.matches("200 OK").count(), begin.matches(GET).count(), "{answer}");
        }
    }
}

#[actix_web::test]
async fn silent_connection_408() {
    tokio::time::pause();
    let (answer, after) = trickle("", "").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(after <= Duration::from_secs(14), "{after:?}");
}

#[actix_web::test]
async fn slow_body_is_closed() {
    tokio::time::pause();
    for (what, begin, rest) in [
        ("chunks that nobody reads", format!("POST / {CHUNKED}"), "1\r\na\r\n"),
        ("blank lines in chunks that nobody reads", format!("POST / {CHUNKED}ffff\r\n"), "\r\n\r\n"),
        ("chunks", format!("POST /read {CHUNKED}"), "1\r\na\r\n"),
        ("a trailer", format!("POST /read {CHUNKED}0\r\nX: "), "a"),
        ("a body", format!("POST /read {SIZED}"), "a"),
        ("a second body", format!("{GET}POST /read {CHUNKED}"), "1\r\na\r\n"),
        ("a body that does not come", format!("POST /read {SIZED}"), ""),
        ("a body that does not come and nobody reads", format!("POST / {SIZED}"), ""),
    ] {
        let (answer, after) = trickle(&begin, rest).await;
        assert!(!answer.contains("read "), "{what}: {answer}");
        assert!(after <= Duration::from_secs(25), "{what}: {after:?}");
    }
}

#[actix_web::test]
async fn unread_answers_are_thrown_away() {
    tokio::time::pause();
    for path in ["/big", "/", "/none"] {
        let mut client = connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let start = Instant::now();
        // Nothing is read of a pipeline whose first answers nobody takes.
        let mut sent = 0;
        let sending = timeout(Duration::from_secs(60), async {
            while sent < 10_000 && client.write_all(request.as_bytes()).await.is_ok() {
                sent += 1;
            }
        });
        assert!(sending.await.is_ok(), "{path}: the connection is open");
        assert!(sent < 10_000, "{path}: all are answered");
        assert!(start.elapsed() <= Duration::from_secs(25), "{path}: {:?}", start.elapsed());
        assert!(ABORTED.take(), "{path}: the system goes on to offer the answers");
    }
}

#[actix_web::test]
async fn reader_who_takes_next_to_nothing_is_cut_off() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (mut piece, mut received) = ([0; 500], 0);
    loop {
        sleep(Duration::from_secs(1)).await;
        match client.read(&mut piece).await.unwrap() {
            0 => break,
            count => received += count,
        }
    }
    assert!(received < BIG / 10, "{received}");
}

#[actix_web::test]
async fn answer_like_one_of_the_parser_is_sent_as_it_is() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(format!("GET /alike HTTP/1.1\r\nHost: a\r\n\r\n{GET}").as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    while !answers.ends_with(b"answered") {
        assert!(client.read_buf(&mut answers).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answers));
    }
    assert!(String::from_utf8(answers).unwrap().contains(OF_THE_PARSER));
}

#[actix_web::test]
async fn refused_client_may_send_what_it_is_sending() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    client.write_all(b"more").await.unwrap();
    sleep(2 * LINGER).await;
    assert!(client.write_all(b"and more").await.is_err(), "the connection is open");
}

#[actix_web::test]
async fn slow_reader_gets_everything() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let (mut piece, mut received) = (vec![0; 16 * 1024], 0);
    loop {
        sleep(Duration::from_secs(15)).await;
        match client.read(&mut piece).await.unwrap() {
            0 => break,
            count => received += count,
        }
    }
    assert!(received > BIG && !ABORTED.get(), "{received}");
}

#[actix_web::test]
async fn event_stream_lives_on() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (start, mut received) = (Instant::now(), Vec::new());
    while !received.ends_with(b"0\r\n\r\n") {
        assert!(client.read_buf(&mut received).await.unwrap() > 0, "the stream has ended");
    }
    assert_eq!(String::from_utf8(received).unwrap().matches("data: a").count(), 60);
    assert!(start.elapsed() >= Duration::from_secs(3600));
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut next = vec![0; 12];
    client.read_exact(&mut next).await.unwrap();
    assert_eq!(next, b"HTTP/1.1 200");
}

#[actix_web::test]
async fn pipeline_is_answered_one_by_one_in_order() {
    tokio::time::pause();
    let mut client = connect().await;
    let body =
        format!("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n{}", "\r\n\r\n".repeat(10));
    let chunks = format!("POST /read {CHUNKED}5\r\n\n\n\n\n\n\r\n1\r\na\r\n0\r\n\r\n");
    let pipeline = format!("{GET}{body}{chunks}{GET}\r\n\r\n{body}GET / HTTP/1.0\n\n");
    client.write_all(pipeline.as_bytes()).await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    let bodies: Vec<&str> =
        answers.split("HTTP/1.").skip(1).map(|answer| answer.rsplit("\r\n\r\n").next().unwrap()).collect();
    assert_eq!(bodies, ["answered", "read 40", "read 6", "answered", "read 40", "answered"], "{answers}");
}

#[actix_web::test]
async fn request_in_any_pieces_is_answered() {
    tokio::time::pause();
    let head =
        format!("POST /read HTTP/1.1\r\nHost: a\r\nX: {}\r\nContent-Length: 3\r\n\r\n", "x".repeat(20_000));
    let request = format!("{head}abc{GET}");
    for size in [1, 2, 7, 997, 16_384, 19_999] {
        let (mut reader, mut writer) = tokio::io::split(connect().await);
        for piece in request.as_bytes().chunks(size) {
            writer.write_all(piece).await.unwrap();
        }
        let mut answers = vec![0; 200];
        let mut length = 0;
        while !String::from_utf8_lossy(&answers[..length]).contains("answered") {
            length += reader.read(&mut answers[length..]).await.unwrap();
        }
        assert!(String::from_utf8_lossy(&answers).contains("read 3HTTP/1.1 200"), "{size}");
    }
}

#[actix_web::test]
async fn client_that_goes_away_in_the_middle_ends_its_connection() {
    tokio::time::pause();
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(17_000));
    let unread = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabcGET / HT";
    let pipeline = format!("{GET}{GET}POST /read {CHUNKED}3\r\nabc\r\n0\r\n\r\n{GET}");
    let mut cuts: Vec<(&str, usize)> = (1..pipeline.len()).map(|end| (&*pipeline, end)).collect();
    cuts.extend([(&*large, large.len()), (unread, unread.len())]);
    for (request, end) in cuts {
        for first in [end / 2, end - 1] {
            let (client, task) = serve().await;
            let (mut reader, mut writer) = tokio::io::split(client);
            for piece in [&request[..first], &request[first..end]] {
                writer.write_all(piece.as_bytes()).await.unwrap();
                sleep(Duration::from_millis(50)).await;
            }
            writer.shutdown().await.unwrap();
            let mut answers = Vec::new();
            let read = timeout(Duration::from_secs(60), reader.read_to_end(&mut answers)).await;
            assert!(read.is_ok(), "{request:?} cut at {first} and {end}: still open");
            assert!(task.await.is_ok(), "{request:?} cut at {first} and {end}: the task has panicked");
        }
    }
}

#[actix_web::test]
async fn refused_request_gets_our_headers() {
    tokio::time::pause();
    let many = "X: a\r\n".repeat(97);
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("\x16\x03\x01".to_owned(), 400),
        (format!("{GET}GET / HTTP/1.1\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(128 * 1024)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(64 * 1024)), 414),
    ] {
        let (mut reader, mut writer) = tokio::io::split(connect().await);
        let sent = request.clone();
        rt::spawn(async move { writer.write_all(sent.as_bytes()).await });
        let mut answers = String::new();
        reader.read_to_string(&mut answers).await.unwrap();
        let (before, last) = answers.rsplit_once("HTTP/1.1 ").unwrap();
        let shown = &request[..request.len().min(60)];
        assert!(last.starts_with(&status.to_string()), "{shown:?}: {answers}");
        assert!(
            last.contains("connection: close\r\n") && last.contains("x-content-type-options: nosniff\r\n"),
            "{last}"
        );
        assert_eq!(before.contains("200 OK"), request.starts_with(GET), "{before}");
    }
}
