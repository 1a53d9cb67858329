//! Where the server listens and how it is reached.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use ipnet::IpNet;
use url::{Host, Url};

use super::reader::Reader;

/// Where the server listens and how it is reached.
#[derive(Debug, Clone)]
pub struct Server {
    /// `LISTEN_ADDR`: address and port. Default: `127.0.0.1:3000`.
    pub listen_addr: SocketAddr,
    /// `BASE_URL`: the site as browsers see it; `https` turns on `Secure` cookies, `__Host-` and HSTS. Default: this machine, at
    /// the port of `LISTEN_ADDR`.
    pub base_url: Url,
    base_url_given: bool,
    /// `TRUSTED_PROXIES`: networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `PAGES_DIR`: HTML to serve under `/pages/` to signed-in users.
    pub pages_dir: Option<PathBuf>,
    /// `PAGES_HOST`: a host name of their own for those pages, whose scripts then share no origin with this site.
    pub pages_host: Option<String>,
}

impl Server {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let listen_addr = reader.parse(
            "LISTEN_ADDR",
            "an address and port, such as 127.0.0.1:3000 or [::]:3000",
            ([127, 0, 0, 1], 3000).into(),
            |value| value.parse().ok(),
        );
        let given = base_url(reader);
        let base_url_given = given.is_some();
        let base_url = given.unwrap_or_else(|| local_url(listen_addr));
        Self {
            listen_addr,
            base_url_given,
            pages_host: pages_host(reader, &base_url),
            base_url,
            trusted_proxies: reader.parse(
                "TRUSTED_PROXIES",
                "networks, comma-separated, such as 10.0.0.0/8,192.0.2.7",
                Vec::new(),
                |value| value.split(',').map(|part| network(part.trim())).collect(),
            ),
            pages_dir: reader.parse("PAGES_DIR", "a folder that exists", None, |value| {
                let path = PathBuf::from(value);
                path.is_dir().then_some(Some(path))
            }),
        }
    }

    /// Notes the address that the server got: where `LISTEN_ADDR` leaves the port open, the links that are printed name it too.
    pub fn listens_on(&mut self, addr: SocketAddr) {
        if !self.base_url_given {
            self.base_url = local_url(addr);
        }
    }

    /// Whether browsers reach the site over TLS.
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// The address of a path of this site, from `BASE_URL` and never from the request's `Host`.
    pub fn href(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.as_str().trim_end_matches('/'))
    }

    /// The address of a path at `PAGES_HOST`, with the scheme and port of `BASE_URL`; `None` without one.
    pub fn pages_href(&self, path: &str) -> Option<String> {
        let mut url = self.base_url.clone();
        url.set_host(Some(self.pages_host.as_deref()?)).ok()?;
        Some(format!("{}{path}", url.as_str().trim_end_matches('/')))
    }
}

/// `PAGES_HOST`: a name that is not that of the site.
fn pages_host(reader: &mut Reader, base_url: &Url) -> Option<String> {
    let may_hold = "a host name for the pages of PAGES_DIR alone, without a port, such as pages.example.org";
    let host = reader.parse("PAGES_HOST", may_hold, None, |value| match Host::parse(value).ok()? {
        Host::Domain(name) if base_url.host_str() != Some(&name) && !name.ends_with('.') => Some(Some(name)),
        _ => None,
    });
    if host.is_some() && reader.get("PAGES_DIR").is_none() {
        reader.mistake("PAGES_HOST: there are no pages for it; set PAGES_DIR to a folder of HTML".to_owned());
    }
    host
}

fn base_url(reader: &mut Reader) -> Option<Url> {
    let may_hold = "the site's address as browsers see it, without a path, such as https://login.example.org";
    reader.parse("BASE_URL", may_hold, None, |value| {
        let url = Url::parse(value).ok()?;
        let is_origin = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        is_origin.then_some(Some(url))
    })
}

/// How a browser on this machine, or in this network, reaches the address that is listened on.
fn local_url(addr: SocketAddr) -> Url {
    let host = match addr.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Url::parse(&format!("http://{host}:{}", addr.port())).expect("a host and a port")
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
