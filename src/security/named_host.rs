//! Which hosts a request names.

use actix_web::{dev::RequestHead, http::header::HOST};
use url::Host;

/// The hosts that a request names, by its header and in its target; `None` for one that can't be read.
pub(super) fn named(req: &RequestHead) -> impl Iterator<Item = Option<Host>> {
    texts(req).map(|text| without_port(text).and_then(parse))
}

/// The host that a request names as it spells it, if it names one only.
pub(super) fn single(req: &RequestHead) -> Option<&str> {
    let mut texts = texts(req);
    texts.next().filter(|first| {
        texts.all(|other| other == *first && !first.is_empty()) && req.headers().get_all(HOST).count() == 1
    })
}

/// The host that a browser has asked a proxy for, if the proxy names one.
pub(super) fn forwarded(req: &RequestHead) -> Option<&str> {
    let mut values = req.headers().get_all("x-forwarded-host");
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The hosts that a request names as it spells them.
pub(super) fn texts(req: &RequestHead) -> impl Iterator<Item = &str> {
    let headers = req.headers().get_all(HOST).map(|host| host.to_str().unwrap_or_default());
    headers.chain(req.uri.authority().map(|target| target.as_str()))
}

/// The host of `host[:port]`.
pub(super) fn without_port(text: &str) -> Option<&str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_port = port.is_empty() || is_number;
    is_port.then_some(host)
}

/// The host that a text without port is.
pub(super) fn parse(host: &str) -> Option<Host> {
    Host::parse(host).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn host_is_read_without_its_port() {
        for (text, host) in [
            ("login.example.org", Some("login.example.org")),
            ("LOGIN.Example.org:3000", Some("login.example.org")),
            ("login.example.org:", Some("login.example.org")),
            ("192.0.2.7:80", Some("192.0.2.7")),
            ("[2001:DB8::7]", Some("[2001:db8::7]")),
            ("[2001:db8::7]:443", Some("[2001:db8::7]")),
            ("", None),
            (":3000", None),
            ("2001:db8::7", None),
            ("[2001:db8::7", None),
            ("login.example.org:x", None),
            ("login.example.org:65536", None),
            ("login.example.org:+80", None),
            ("ada@login.example.org", None),
            ("login.example.org/x", None),
            ("login.example.org, evil.example", None),
            ("http://login.example.org", None),
        ] {
            assert_eq!(
                without_port(text).and_then(parse).map(|host| host.to_string()).as_deref(),
                host,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn host_with_any_port_is_the_same(host in "[a-z0-9.-]{1,20}|\\[[0-9a-f:]{2,20}\\]", port in any::<u16>()) {
            prop_assert_eq!(without_port(&format!("{host}:{port}")).and_then(parse), parse(&host));
        }
    }
}
