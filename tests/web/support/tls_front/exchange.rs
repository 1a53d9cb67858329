//! What went through the front: requests, and the heads of their answers.

use crate::support::client::Cookie;

/// The lines of a head, in their order.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub(super) Vec<(String, String)>);

impl Headers {
    /// The values of a header; its name in lower case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header that is sent once.
    #[track_caller]
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} was sent more than once: {all:?}");
        all.first().copied()
    }

    /// The cookie of that name that an answer sets.
    pub fn cookie(&self, name: &str) -> Option<Cookie> {
        self.all("set-cookie").into_iter().map(Cookie::parse).find(|cookie| cookie.name == name)
    }

    /// Whether the request has a cookie of that name.
    pub fn has_cookie(&self, name: &str) -> bool {
        let pairs = self.all("cookie").into_iter().flat_map(|line| line.split("; "));
        pairs.filter_map(|pair| pair.split_once('=')).any(|(known, _)| known == name)
    }
}

/// A request that arrived at the front, and its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The name that was asked, without the port.
    pub host: String,
    pub request: Headers,
    /// `None` until the answer has come.
    pub status: Option<u16>,
    pub answer: Headers,
}

impl Exchange {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// The first line of a head and its other lines; `None` unless it is complete.
pub(super) fn parse(head: &str) -> Option<(&str, Headers)> {
    let (first, rest) = head.strip_suffix("\r\n\r\n")?.split_once("\r\n").unwrap_or((head.trim_end(), ""));
    let lines = rest.lines().filter_map(|line| line.split_once(':'));
    let headers = lines.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Some((first, Headers(headers.collect())))
}
