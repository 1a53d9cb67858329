//! Each mode of the proxy, in front of a server that echoes.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::*;

const SHORT: Duration = Duration::from_millis(60);

/// A server that echoes what it receives, as long as this process lives.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

fn send(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    receive(stream, text.len())
}

fn receive(stream: &mut TcpStream, length: usize) -> String {
    let mut buffer = vec![0; length];
    stream.read_exact(&mut buffer).unwrap();
    String::from_utf8(buffer).unwrap()
}

fn assert_nothing_received(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
}

fn assert_reset(stream: &mut TcpStream) {
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn proxy_pass_forwards_and_counts() {
    let proxy = FaultProxy::to(echo());
    let mut stream = connect(&proxy);
    assert_eq!(send(&mut stream, "hello"), "hello");
    assert_eq!((proxy.accepted(), proxy.bytes_of_requests(), proxy.bytes_of_answers()), (1, 5, 5));
}

#[test]
fn proxy_latency_delays_each_request() {
    let proxy = FaultProxy::to(echo());
    let mut stream = connect(&proxy);
    proxy.set(ProxyMode::Latency(SHORT));
    let start = Instant::now();
    send(&mut stream, "one");
    send(&mut stream, "two");
    assert!(start.elapsed() >= 2 * SHORT);
}

#[test]
fn proxy_blackhole_holds_bytes_until_pass() {
    let proxy = FaultProxy::to(echo());
    let mut before = connect(&proxy);
    send(&mut before, "x");
    proxy.set(ProxyMode::Blackhole);
    let mut after = connect(&proxy);
    before.write_all(b"old").unwrap();
    after.write_all(b"new").unwrap();
    assert_nothing_received(&mut before);
    assert_nothing_received(&mut after);
    assert_eq!((proxy.held(), proxy.bytes_of_requests()), (2, 1));
    proxy.set(ProxyMode::Pass);
    assert_eq!((receive(&mut before, 3), receive(&mut after, 3)), ("old".into(), "new".into()));
    assert_eq!(proxy.held(), 0);
}

#[test]
fn proxy_swallow_loses_bytes() {
    let proxy = FaultProxy::to(echo());
    let mut before = connect(&proxy);
    send(&mut before, "x");
    proxy.set(ProxyMode::Swallow);
    before.write_all(b"lost").unwrap();
    assert_nothing_received(&mut before);
    proxy.set(ProxyMode::Pass);
    before.write_all(b"also").unwrap();
    assert_nothing_received(&mut before);
    assert_eq!(send(&mut connect(&proxy), "new"), "new");
}

#[test]
fn proxy_hold_answers_forwards_requests() {
    let proxy = FaultProxy::to(echo());
    let mut stream = connect(&proxy);
    proxy.set(ProxyMode::HoldAnswers);
    stream.write_all(b"work").unwrap();
    assert_nothing_received(&mut stream);
    assert_eq!((proxy.bytes_of_requests(), proxy.bytes_of_answers(), proxy.held()), (4, 0, 1));
    proxy.set(ProxyMode::Pass);
    assert_eq!(receive(&mut stream, 4), "work");
}

#[test]
fn proxy_refuse_resets_and_refuses_until_pass() {
    let proxy = FaultProxy::to(echo());
    for _ in 0..20 {
        let mut stream = connect(&proxy);
        send(&mut stream, "x");
        proxy.set(ProxyMode::Refuse);
        assert_reset(&mut stream);
        let error = TcpStream::connect(proxy.addr()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        proxy.set(ProxyMode::Pass);
        assert_eq!(send(&mut connect(&proxy), "back"), "back");
    }
}

#[test]
fn proxy_reset_ends_open_connections_only() {
    let proxy = FaultProxy::to(echo());
    let mut stream = connect(&proxy);
    send(&mut stream, "x");
    proxy.reset_connections();
    assert_reset(&mut stream);
    assert_eq!(send(&mut connect(&proxy), "new"), "new");
}

#[test]
fn proxy_drip_delays_each_byte() {
    let proxy = FaultProxy::to(echo());
    proxy.set(ProxyMode::Drip(Duration::from_millis(10)));
    let start = Instant::now();
    assert_eq!(send(&mut connect(&proxy), "0123456789"), "0123456789");
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn proxy_cut_after_limits_answer_bytes() {
    let proxy = FaultProxy::to(echo());
    proxy.set(ProxyMode::CutAfter(7));
    let mut stream = connect(&proxy);
    assert_eq!(send(&mut stream, "01234"), "01234");
    stream.write_all(b"56789").unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(rest, b"56");
}

#[test]
fn proxy_drop_closes_connections() {
    let proxy = FaultProxy::to(echo());
    let addr = proxy.addr();
    let mut stream = connect(&proxy);
    send(&mut stream, "x");
    drop(proxy);
    assert_reset(&mut stream);
    assert!(TcpStream::connect(addr).is_err());
}
