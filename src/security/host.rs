//! The host that a request is for. A page of another name could read this site once that name leads here (DNS rebinding), so only
//! the site's own names are answered.

use actix_web::{
    HttpRequest,
    dev::{RequestHead, ServiceRequest},
    http::{Version, header::HOST},
};
use url::Host;

use super::{api, refusal};
use crate::{config::Config, error::Error, state::shared};

/// What is asked by load balancers and orchestrators, which name the address of this machine and not the site.
const HEALTH_CHECKS: [&str; 2] = ["/healthz", "/readyz"];

/// Checks that a request is for this site: by its `Host` and, in an absolute target (RFC 9112 §3.2.2), by that as well. Where
/// nothing names a host (HTTP/1.0), no browser has sent it.
///
/// # Errors
/// [`Error::Misdirected`] for another host, which is logged; [`Error::BadRequest`] for none, several or an unreadable one.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    let malformed = |what: &str| Error::BadRequest(format!("The request {what}."));
    match req.headers().get_all(HOST).count() {
        0 if req.version() > Version::HTTP_10 => {
            return Err(malformed("does not name the host that it is for"));
        }
        0 | 1 => {}
        _ => return Err(malformed("names its host more than once")),
    }
    let server = &shared::<Config>(req.request())?.server;
    for text in texts(req.head()) {
        let host = without_port(text);
        // What nearly every request names is not parsed.
        if host.is_some() && host == server.base_url.host_str() {
            continue;
        }
        let named = host.and_then(parse).ok_or_else(|| malformed("names a host that can't be read"))?;
        let is_health_check = HEALTH_CHECKS.contains(&req.path()) && !matches!(named, Host::Domain(_));
        // The page that refuses the host needs them.
        let is_file_of_pages = req.path().starts_with("/static/");
        // Proxies ask with the host that a browser has asked them for, to whose pages the answer says nothing.
        let is_of_other_site = req.path() == api::VERIFY;
        if !server.has_host(&named) && !is_health_check && !is_file_of_pages && !is_of_other_site {
            refusal::log(req.request(), "foreign_host", None, "not a host of BASE_URL or ALLOWED_HOSTS");
            return Err(Error::Misdirected);
        }
    }
    Ok(())
}

/// The hosts that a request names, by its header and in its target; `None` for one that can't be read.
pub(super) fn named(req: &RequestHead) -> impl Iterator<Item = Option<Host>> {
    texts(req).map(|text| without_port(text).and_then(parse))
}

/// The same as the request spells them.
fn texts(req: &RequestHead) -> impl Iterator<Item = &str> {
    let headers = req.headers().get_all(HOST).map(|host| host.to_str().unwrap_or_default());
    headers.chain(req.uri.authority().map(|target| target.as_str()))
}

/// The host and port that the request was sent to, as it names them.
pub fn host_of(req: &HttpRequest) -> Option<&str> {
    req.headers().get(HOST)?.to_str().ok()
}

/// The host of `host[:port]`.
fn without_port(text: &str) -> Option<&str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_port = port.is_empty() || is_number;
    is_port.then_some(host)
}

fn parse(host: &str) -> Option<Host> {
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
