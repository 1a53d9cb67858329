//! A site behind a proxy: the site itself, which answers with the request that arrived, and nginx in front of it and of Gatehouse, with
//! the file of the documentation.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use reqwest::Method;

use super::{
    answer::Answer,
    app::{Builder, TestApp},
    client::{Client, Request},
    nginx,
    other_site::OtherSite,
    own_process::{OwnProcess, free_addr},
    program::Program,
    stack::Stack,
};

/// The file for a site below `COOKIE_DOMAIN`.
const SHARED_DOMAIN: &str = include_str!("../../../docs/examples/nginx.conf");
/// The file for a site on another domain.
const OTHER_DOMAIN: &str = include_str!("../../../docs/examples/nginx-other-domain.conf");

/// nginx with `login.example.org` and `app.example.org`, or two sites on other domains.
pub struct ProxiedSite {
    pub app: TestApp,
    /// A second instance, where there is one.
    pub second: Option<Program>,
    addr: SocketAddr,
    site: OtherSite,
    _nginx: OwnProcess,
}

impl ProxiedSite {
    /// Starts Gatehouse, the site, and nginx before both.
    pub async fn start(stack: Stack) -> Self {
        let addr = free_addr();
        let app = builder(stack, addr).var("COOKIE_DOMAIN", "example.org").start().await;
        Self::before(app, None, addr, SHARED_DOMAIN)
    }

    /// Starts two instances of Gatehouse, the second one in a process of its own, and nginx with the sites `app.example.net` and
    /// `wiki.example.com`.
    pub async fn on_other_domains(stack: Stack) -> Self {
        let addr = free_addr();
        let sites = format!("app.example.net:{port},wiki.example.com:{port}", port = addr.port());
        let app = builder(stack, addr).var("GATE_HOSTS", sites).start().await;
        let second = app.second_program();
        let conf = OTHER_DOMAIN.replace("app.example.net;", "app.example.net wiki.example.com;");
        Self::before(app, Some(second), addr, &conf)
    }

    /// Starts the site, and nginx before it and Gatehouse.
    fn before(app: TestApp, second: Option<Program>, addr: SocketAddr, conf: &str) -> Self {
        let site = OtherSite::start();
        let servers = std::iter::once(app.addr()).chain(second.as_ref().map(Program::addr));
        let servers: Vec<String> = servers.map(|addr| format!("server {addr};")).collect();
        let conf = nginx::replaced(
            conf,
            &[
                ("listen 80;", &format!("listen {addr};")),
                ("server 127.0.0.1:3000;", &servers.join(" ")),
                ("http://127.0.0.1:8080;", &format!("http://{};", site.addr)),
            ],
        );
        Self { app, second, addr, site, _nginx: nginx::start(&conf, addr) }
    }

    /// A browser that asks nginx.
    pub fn client(&self) -> Client {
        Client::new(Arc::new(Mutex::new(self.addr)))
    }

    /// The address of a path at one of the hosts.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}.example.org:{}{path}", self.addr.port())
    }

    /// The address of a path at a host of any domain.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.addr.port())
    }

    /// Prepares a request for a host of any domain.
    pub fn request_at<'a>(&self, client: &'a Client, method: Method, host: &str, path: &str) -> Request<'a> {
        let host = format!("{host}:{}", self.addr.port());
        let request = client.request(method, path).header("origin", &format!("http://{host}"));
        request.header("host", &host)
    }

    /// Prepares a request for one of the hosts.
    pub fn request<'a>(&self, client: &'a Client, method: Method, host: &str, path: &str) -> Request<'a> {
        client.request(method, path).header("host", &format!("{host}.example.org:{}", self.addr.port()))
    }

    /// Gets a page of the site behind the login.
    pub async fn get(&self, client: &Client, path: &str) -> Answer {
        self.request(client, Method::GET, "app", path).send().await
    }

    /// How many requests the site behind the login got.
    pub fn requests(&self) -> usize {
        self.site.requests()
    }
}

fn builder(stack: Stack, nginx: SocketAddr) -> Builder {
    TestApp::builder(stack)
        .var("BASE_URL", format!("http://login.example.org:{}", nginx.port()))
        .var("TRUSTED_PROXIES", "127.0.0.1")
}
