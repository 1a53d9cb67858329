//! The request that a proxy asks about: which address was asked for, by what a trusted proxy forwards.

use actix_web::{HttpRequest, http::header::HeaderMap};
use url::Url;

use crate::config::Server;

/// A request that a proxy holds while it asks whether its sender may pass.
#[derive(Debug, PartialEq, Eq)]
pub struct OriginalRequest {
    /// The address; `None`: the proxy doesn't say, or isn't trusted.
    pub url: Option<Url>,
    /// Whether a browser asks for a page, and not for one of its parts, nor sends a form.
    pub is_page: bool,
}

impl OriginalRequest {
    /// Reads `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`. Only a proxy of `TRUSTED_PROXIES` is believed.
    pub fn of(req: &HttpRequest, server: &Server) -> Self {
        let is_trusted = server.trusts(req.peer_addr());
        let headers = req.headers();
        let forwarded = |name| if is_trusted { single(headers, name) } else { None };
        let url = forwarded("x-forwarded-proto")
            .zip(forwarded("x-forwarded-host"))
            .zip(forwarded("x-forwarded-uri"));
        let url = url.and_then(|((scheme, host), uri)| address(scheme, host, uri));
        let is_read = forwarded("x-forwarded-method").is_none_or(|method| matches!(method, "GET" | "HEAD"));
        let accepts_page = single(headers, "accept").is_some_and(|accept| accept.contains("text/html"));
        let is_page = single(headers, "sec-fetch-mode").map_or(accepts_page, |mode| mode == "navigate");
        Self { url, is_page: is_read && is_page }
    }
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The address that a browser has asked for. What is none, such as a list of two hosts, is not guessed.
fn address(scheme: &str, host: &str, uri: &str) -> Option<Url> {
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte));
    let is_known = matches!(scheme, "http" | "https") && is_host && uri.starts_with('/');
    if !is_known {
        return None;
    }
    Url::parse(&format!("{scheme}://{host}{uri}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_made_of_plain_parts_only() {
        let shown = |scheme, host, uri| address(scheme, host, uri).map(String::from);
        assert_eq!(
            shown("https", "app.example.org:8443", "/a%20b?x=1").as_deref(),
            Some("https://app.example.org:8443/a%20b?x=1")
        );
        assert_eq!(shown("http", "[::1]:81", "//x").as_deref(), Some("http://[::1]:81//x"));
        for (scheme, host, uri) in [
            ("https", "a, b", "/"),
            ("https, http", "a", "/"),
            ("javascript", "a", "/"),
            ("https", "ada@a", "/"),
            ("https", "a/b", "/"),
            ("https", "", "/"),
            ("https", "a", "x"),
            ("https", "a", ""),
            ("https", "a", "@evil.example/"),
        ] {
            assert_eq!(shown(scheme, host, uri), None, "{scheme} {host} {uri}");
        }
    }
}
