//! What `gatehouse drill` is told.

use std::{net::IpAddr, time::Duration};

use clap::Args;
use url::Url;

/// Bounds of `--within`.
const SHORTEST: Duration = Duration::from_millis(100);
/// See [`SHORTEST`].
const LONGEST: Duration = Duration::from_secs(5 * 60);

#[derive(Args)]
pub(in crate::cli) struct DrillArguments {
    /// Where an instance listens, such as http://10.0.0.1:3000; to be given for each of them. Host name and certificate are those of
    /// BASE_URL all the same [default: BASE_URL]
    #[arg(long = "instance", value_name = "URL", value_parser = origin)]
    pub(super) instances: Vec<Url>,
    /// A page behind the login at another host that the session's cookie reaches, such as https://app.example.org/; may be given for
    /// several
    #[arg(long = "proxied", value_name = "URL", value_parser = page)]
    pub(super) proxied: Vec<Url>,
    /// The IP address at which BASE_URL or a page of --proxied is asked, as curl takes it; may be given for several
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = resolved)]
    pub(super) resolve: Vec<Resolved>,
    /// How soon all have to refuse the session, from when its end is begun, such as 500ms
    #[arg(long, default_value = "5s", value_parser = within)]
    pub(super) within: Duration,
    /// Wait for Enter before the session is ended, to stop an instance meanwhile and see the drill fail
    #[arg(long)]
    pub(super) pause: bool,
    /// One JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The host as URLs have it.
    pub host: String,
    pub port: u16,
    pub address: IpAddr,
}

fn within(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).ok();
    duration
        .filter(|duration| (SHORTEST..=LONGEST).contains(duration))
        .ok_or_else(|| "a time from 100ms to 5m, such as 5s".to_owned())
}

fn origin(text: &str) -> Result<Url, String> {
    let url = page(text)?;
    let is_origin = url.path() == "/" && url.query().is_none();
    if is_origin {
        Ok(url)
    } else {
        Err("an address without a path, such as http://10.0.0.1:3000".to_owned())
    }
}

fn page(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.ok_or_else(|| "an address that begins with http:// or https://".to_owned())
}

fn resolved(text: &str) -> Result<Resolved, String> {
    let read = || {
        let (host, rest) = text.split_once(':')?;
        let (port, address) = rest.split_once(':')?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let host = host.to_ascii_lowercase();
        Some(Resolved { host, port: port.parse().ok()?, address: address.parse().ok()? })
    };
    read().filter(|resolved| !resolved.host.is_empty()).ok_or_else(|| {
        "a host, its port and an IP address, such as login.example.org:443:10.0.0.1".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drill_instances_are_origins() {
        for text in ["http://10.0.0.1:3000", "https://[2001:db8::1]", "http://localhost:3000/"] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in
            ["10.0.0.1:3000", "ftp://a", "http://a/x", "http://a/?x", "http://ada@a", "http://a/#x", ""]
        {
            assert!(origin(text).is_err(), "{text}");
        }
        assert!(page("https://app.example.org/a?b=c").is_ok());
    }

    #[test]
    fn drill_resolves_as_curl_does() {
        let found = |text| resolved(text).map(|found| (found.host, found.port, found.address.to_string()));
        let address = |ip: &str| Ok(("login.example.org".to_owned(), 443, ip.to_owned()));
        assert_eq!(found("LOGIN.example.org:443:10.0.0.1"), address("10.0.0.1"));
        assert_eq!(found("login.example.org:443:[2001:db8::1]"), address("2001:db8::1"));
        assert_eq!(found("login.example.org:443:2001:db8::1"), address("2001:db8::1"));
        for text in ["", "login.example.org", "a:1", ":1:10.0.0.1", "a:x:10.0.0.1", "a:1:b", "a:1:10.0.0.1:2"]
        {
            assert!(resolved(text).is_err(), "{text}");
        }
    }

    #[test]
    fn drill_time_is_bounded() {
        assert_eq!(within("500ms"), Ok(Duration::from_millis(500)));
        for text in ["0s", "99ms", "5m 1s", "soon", "5", "-1s"] {
            assert!(within(text).is_err(), "{text}");
        }
    }
}
