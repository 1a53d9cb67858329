//! The reader of forwarded addresses.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    http::header::{HeaderName, HeaderValue},
    test::TestRequest,
};
use gatehouse::security::Client;
use ipnet::IpNet;
use proptest::{collection::vec, prelude::*};

use crate::mutate;

/// The address of the client of a request that came from 10.0.0.1 with these lines.
fn client(lines: &[Vec<u8>], trusted: &[IpNet]) -> IpAddr {
    let mut req = TestRequest::default().peer_addr(SocketAddr::from(([10, 0, 0, 1], 4711)));
    for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        req = req.append_header((HeaderName::from_static("x-forwarded-for"), line));
    }
    Client::of(&req.to_http_request(), trusted).ip
}

proptest! {
    #[test]
    fn forwarded_address_is_what_the_proxy_added(lines in vec(mutate::bytes(include_str!("corpus/forwarded.txt")), 0..3)) {
        let peer = IpAddr::from([10, 0, 0, 1]);
        prop_assert_eq!(client(&lines, &[]), peer);
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        // Whatever the client has sent: the proxy adds its address, in the same line or in another one.
        let added = b"203.0.113.9:51008".to_vec();
        let mut own_line = lines.clone();
        own_line.push(added.clone());
        prop_assert_eq!(client(&own_line, &trusted), IpAddr::from([203, 0, 113, 9]));
        let mut same_line = lines.clone();
        if let Some(last) = same_line.last_mut().filter(|last| HeaderValue::from_bytes(last).is_ok()) {
            last.extend([b", ".as_slice(), &added].concat());
            prop_assert_eq!(client(&same_line, &trusted), IpAddr::from([203, 0, 113, 9]));
        }
        // A proxy that adds nothing readable is the client itself, never what stands before.
        let mut unreadable = lines;
        unreadable.push(b"198.51.100.1, _hidden".to_vec());
        prop_assert_eq!(client(&unreadable, &trusted), peer);
    }
}
