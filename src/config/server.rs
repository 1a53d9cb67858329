//! Where the server listens and how it is reached.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use ipnet::IpNet;
use url::Url;

use super::reader::Reader;

/// Where the server listens and how it is reached.
#[derive(Debug, Clone)]
pub struct Server {
    /// `LISTEN_ADDR`: address and port. Default: `127.0.0.1:3000`.
    pub listen_addr: SocketAddr,
    /// `BASE_URL`: the site as browsers see it; `https` turns on `Secure` cookies, `__Host-` and HSTS.
    pub base_url: Url,
    /// `TRUSTED_PROXIES`: networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `PAGES_DIR`: HTML to serve under `/pages/` to signed-in users.
    pub pages_dir: Option<PathBuf>,
}

impl Server {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            listen_addr: reader.parse(
                "LISTEN_ADDR",
                "an address and port, such as 127.0.0.1:3000 or [::]:3000",
                ([127, 0, 0, 1], 3000).into(),
                |value| value.parse().ok(),
            ),
            base_url: base_url(reader),
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

    /// Whether browsers reach the site over TLS.
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// The address of a path of this site, from `BASE_URL` and never from the request's `Host`.
    pub fn href(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.as_str().trim_end_matches('/'))
    }
}

fn base_url(reader: &mut Reader) -> Url {
    let default = Url::parse("http://localhost:3000").expect("a constant URL");
    let may_hold = "the site's address as browsers see it, such as https://login.example.org";
    let base_url = reader.url("BASE_URL", &["http", "https"], may_hold).unwrap_or(default);
    if !matches!(base_url.path(), "" | "/") || base_url.query().is_some() {
        reader.invalid("BASE_URL", base_url.as_str(), "an address without a path or query");
    }
    base_url
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
