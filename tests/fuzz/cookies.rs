//! The reader of cookies.

use actix_web::{
    http::header::{COOKIE, HeaderMap, HeaderValue},
    test::TestRequest,
};
use gatehouse::web::cookies;
use proptest::{collection::vec, prelude::*};

use crate::mutate;

const NAME: &str = "__Host-gatehouse";
const NOTICE: &str = "__Host-gatehouse-notice";

/// The headers, without lines that no server takes.
fn sent(lines: &[Vec<u8>]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(COOKIE, line);
    }
    headers
}

/// Whether a header has this pair between two semicolons, byte for byte.
fn has_pair(lines: &[Vec<u8>], name: &str, value: &str) -> bool {
    let pair = format!("{name}={value}");
    lines.iter().flat_map(|line| line.split(|byte| *byte == b';')).any(|part| {
        part.trim_ascii_end()
            .strip_suffix(pair.as_bytes())
            .is_some_and(|before| before.is_empty() || before == b" ")
    })
}

proptest! {
    #[test]
    fn cookies_are_ours_byte_for_byte(lines in vec(mutate::bytes(include_str!("corpus/cookies.txt")), 0..3)) {
        let mut headers = sent(&lines);
        let found: Vec<String> = cookies::values(&headers, NAME).map(str::to_owned).collect();
        for value in &found {
            prop_assert!(has_pair(&lines, NAME, value), "{value:?}");
        }
        cookies::choose(&mut headers, NAME, found.first().map(|_| "good"), &[NOTICE]);
        // What the libraries behind make of the rest.
        let mut req = TestRequest::default();
        for line in headers.get_all(COOKIE) {
            req = req.append_header((COOKIE, line));
        }
        let req = req.to_http_request();
        let read = req.cookies().unwrap();
        let ours = read.iter().filter(|cookie| (cookie.name(), cookie.value()) == (NAME, "good")).count();
        prop_assert_eq!(ours, usize::from(!found.is_empty()));
        for cookie in read.iter().filter(|cookie| cookie.name() != NAME) {
            prop_assert_eq!(cookie.name(), NOTICE);
        }
    }
}
