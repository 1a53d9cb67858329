//! Where the server listens and how it is reached.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;
use url::{Host, Url};

use super::{
    exposure, frontends::Frontends, gate::Gate, home::Home, hosts, ops, proxies, reader::Reader, site::Site,
};

/// Where the server listens and how it is reached.
#[derive(Debug, Clone)]
pub struct Server {
    /// `LISTEN_ADDR`: address and port. Default: `127.0.0.1:3000`.
    pub listen_addr: SocketAddr,
    /// `OPS_ADDR`: a listener of its own for metrics and the details of `/readyz`. Default: none.
    pub ops_addr: Option<SocketAddr>,
    /// `BASE_URL`: the site as browsers see it; `https` turns on `Secure` cookies, `__Host-` and HSTS. Default: this machine, at
    /// the port of `LISTEN_ADDR`.
    pub base_url: Url,
    base_url_given: bool,
    /// `ALLOWED_HOSTS`: names of this site beside that in `BASE_URL`.
    allowed_hosts: Vec<Host>,
    /// `TRUSTED_PROXIES`: networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `FRONTEND_URL`: front ends at other origins.
    pub frontends: Frontends,
    /// `GATE_HOSTS`, `COOKIE_DOMAIN`: the sites behind this login.
    pub gate: Gate,
    /// `PAGES_DIR`: HTML to serve under `/pages/` to signed-in users.
    pub pages_dir: Option<PathBuf>,
    /// `COMPRESS`: whether pages and files leave compressed. Default: on.
    pub compress: bool,
    /// `REQUEST_TIMEOUT`: the longest time until an answer begins. Default: `30s`.
    pub request_timeout: Duration,
    /// `HOME_URL`: where people land after signing in. Default: `/pages/` with `PAGES_DIR`.
    pub home: Home,
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
        let allowed_hosts = hosts::allowed(reader);
        let pages_dir = reader.parse("PAGES_DIR", "a folder that exists", None, |value| {
            let path = PathBuf::from(value);
            path.is_dir().then_some(Some(path))
        });
        Self {
            listen_addr,
            ops_addr: ops::read(reader, listen_addr),
            base_url_given,
            pages_host: hosts::pages(reader, &base_url, &allowed_hosts),
            base_url,
            allowed_hosts,
            trusted_proxies: proxies::trusted(reader),
            frontends: Frontends::read(reader),
            gate: Gate::default(),
            compress: reader.on_or_off("COMPRESS", true),
            request_timeout: reader.duration(
                "REQUEST_TIMEOUT",
                Duration::from_secs(30),
                Duration::from_secs(1),
            ),
            home: Home::read(reader),
            pages_dir,
        }
    }

    /// Refuses a `LISTEN_ADDR` that the internet reaches without a proxy. What a site there needs cannot all be had here: TLS, and limits
    /// for many clients that attack together.
    pub(super) fn check_exposure(&self, reader: &mut Reader) {
        let public = exposure::public_address(self.listen_addr.ip());
        if let Some(public) = public.filter(|_| self.trusted_proxies.is_empty()) {
            reader.mistake(format!(
                "LISTEN_ADDR: {} is reached from the internet at {public}; put a proxy in front, which ends TLS and slow clients, \
                 and name it in TRUSTED_PROXIES",
                self.listen_addr
            ));
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

    /// The host that passkeys are for, that of `BASE_URL`; `None`: it is an IP address, which can have none (WebAuthn §5.1.2).
    pub fn passkey_host(&self) -> Option<&str> {
        self.base_url.domain()
    }

    /// Whether a request's `Host` may name this host: that of `BASE_URL`, one of `ALLOWED_HOSTS`, `PAGES_HOST`, or this machine,
    /// whose names can't lead elsewhere.
    pub fn has_host(&self, host: &Host) -> bool {
        let is_this_machine = match host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
        };
        is_this_machine
            || self.base_url.host().is_some_and(|own| own.to_owned() == *host)
            || self.allowed_hosts.contains(host)
            || self.pages_host.as_deref().is_some_and(|pages| *host == Host::Domain(pages))
    }

    /// The address of a path of this site, from `BASE_URL` and never from the request's `Host`.
    pub fn href(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.as_str().trim_end_matches('/'))
    }

    /// The origin of `HOME_URL`, if it is at another site.
    pub fn home_origin(&self) -> Option<String> {
        let home = Url::parse(self.home.address()?).ok()?;
        (home.origin() != self.base_url.origin()).then(|| home.origin().ascii_serialization())
    }

    /// `PAGES_HOST`, with the scheme and port of `BASE_URL`; `None` without one.
    pub fn pages_site(&self) -> Option<Site> {
        let host = Host::Domain(self.pages_host.clone()?);
        Some(Site { scheme: self.base_url.scheme().to_owned(), host, port: self.base_url.port() })
    }

    /// The site with a cookie of its own that has this host and port.
    pub fn site(&self, host: &str) -> Option<Site> {
        self.pages_site().filter(|site| site.to_string() == host).or_else(|| self.gate.site(host).cloned())
    }

    /// Whether a host may be that of another site: it is no name of this one.
    pub(super) fn may_be_of_other_site(&self, host: &Host) -> bool {
        let is_of_pages = self.pages_host.as_deref().is_some_and(|pages| *host == Host::Domain(pages));
        !is_of_pages && !self.allowed_hosts.contains(host)
    }

    /// Whether what is at this address is a proxy of `TRUSTED_PROXIES`.
    pub fn trusts(&self, peer: Option<SocketAddr>) -> bool {
        let ip = peer.map(|peer| peer.ip().to_canonical());
        ip.is_some_and(|ip| self.trusted_proxies.iter().any(|network| network.contains(&ip)))
    }
}

fn base_url(reader: &mut Reader) -> Option<Url> {
    let may_hold = "the site's address as browsers see it, without a path, such as https://login.example.org";
    reader.parse("BASE_URL", may_hold, None, |value| {
        let url = Url::parse(value).ok()?;
        let is_reachable =
            url.host().is_some_and(|host| hosts::is_reachable(&host.to_owned())) && url.port() != Some(0);
        let is_origin = matches!(url.scheme(), "http" | "https")
            && is_reachable
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
