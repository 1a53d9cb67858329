//! Two instances of Gatehouse behind a proxy that has a file of the documentation, and a site that answers with the request that arrived.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use reqwest::Method;
use tempfile::TempDir;

use super::{
    app::{Builder, TestApp},
    client::{Client, Request},
    nginx::{self, replaced},
    other_site::OtherSite,
    own_process::{OwnProcess, free_addr},
    program::Program,
    stack::Stack,
    users::Person,
};

/// What Caddy needs on a machine where other servers run.
const CADDY_OPTIONS: &str =
    "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n\tstorage file_system .\n}\n";

/// `login.example.org` by two instances, and a site behind the login at `app.example.org`.
pub struct TwoInstances {
    /// In the test's own process.
    pub one: TestApp,
    /// In a process of its own, which can be killed.
    pub two: Program,
    addr: SocketAddr,
    site: OtherSite,
    proxy: OwnProcess,
}

impl TwoInstances {
    /// Starts Caddy before them with a file for one instance. Both are named in it.
    pub async fn behind_caddy(stack: Stack, conf: &str) -> Self {
        let addr = free_addr();
        let (one, two) = instances(stack, addr, |builder| builder).await;
        let site = OtherSite::start();
        let conf = replaced(
            conf,
            &[
                ("login.example.org {", &format!("http://login.example.org:{} {{", addr.port())),
                ("app.example.org {", &format!("http://app.example.org:{} {{", addr.port())),
                ("127.0.0.1:3000", &format!("{} {}", one.addr(), two.addr())),
                ("127.0.0.1:8080", &site.addr.to_string()),
            ],
        );
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("Caddyfile"), CADDY_OPTIONS.to_owned() + &conf).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--config", "Caddyfile"]).current_dir(folder.path()).env("HOME", folder.path());
        let proxy = started(folder, &mut command, addr);
        Self { one, two, addr, site, proxy }
    }

    /// Starts nginx before them with a file for the ports 3000 and 3001, and 8081 for a `service` with WebSockets.
    pub async fn behind_nginx(
        stack: Stack,
        conf: &str,
        service: SocketAddr,
        with: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let addr = free_addr();
        let (one, two) = instances(stack, addr, with).await;
        let site = OtherSite::start();
        let conf = conf
            .replace("127.0.0.1:8080", &site.addr.to_string())
            .replace("127.0.0.1:8081", &service.to_string());
        let proxy = nginx(&conf, addr, one.addr(), two.addr());
        Self { one, two, addr, site, proxy }
    }

    /// Starts HAProxy before them with a file for the ports 3000 and 3001.
    pub async fn behind_haproxy(stack: Stack, conf: &str, with: impl FnOnce(Builder) -> Builder) -> Self {
        let addr = free_addr();
        let (one, two) = instances(stack, addr, with).await;
        let conf = replaced(
            conf,
            &[
                ("bind :80", &format!("bind {addr}")),
                ("127.0.0.1:3000", &one.addr().to_string()),
                ("127.0.0.1:3001", &two.addr().to_string()),
            ],
        );
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, conf).unwrap();
        let proxy = started(folder, Command::new("haproxy").args(["-db", "-f"]).arg(file), addr);
        Self { one, two, addr, site: OtherSite::start(), proxy }
    }

    /// What the proxy has printed.
    pub fn proxy_output(&self) -> String {
        self.proxy.output()
    }

    /// A browser that asks the proxy.
    pub fn client(&self) -> Client {
        Client::new(Arc::new(Mutex::new(self.addr)))
    }

    /// The address of a path at one of the hosts.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}.example.org:{}{path}", self.addr.port())
    }

    /// Prepares a request for one of the hosts.
    pub fn request<'a>(&self, client: &'a Client, method: Method, host: &str, path: &str) -> Request<'a> {
        client.request(method, path).header("host", &format!("{host}.example.org:{}", self.addr.port()))
    }

    /// Signs somebody in, by whichever instance the proxy asks.
    pub async fn sign_in(&self, client: &Client, person: &Person) {
        let fields = [("email", person.email.as_str()), ("password", &person.password)];
        self.request(client, Method::POST, "login", "/login").form(&fields).send().await.expect(303);
    }

    /// How many requests the site behind the login got.
    pub fn requests(&self) -> usize {
        self.site.requests()
    }
}

/// nginx with a file for the ports 80, 3000 and 3001.
pub fn nginx(conf: &str, addr: SocketAddr, one: SocketAddr, two: SocketAddr) -> OwnProcess {
    let conf = replaced(
        conf,
        &[
            ("listen 80;", &format!("listen {addr};")),
            ("127.0.0.1:3000", &one.to_string()),
            ("127.0.0.1:3001", &two.to_string()),
        ],
    );
    nginx::start(&conf, addr)
}

async fn instances(
    stack: Stack,
    proxy: SocketAddr,
    with: impl FnOnce(Builder) -> Builder,
) -> (TestApp, Program) {
    let builder = TestApp::builder(stack)
        .var("BASE_URL", format!("http://login.example.org:{}", proxy.port()))
        .var("COOKIE_DOMAIN", "example.org")
        .var("TRUSTED_PROXIES", "127.0.0.1");
    let one = with(builder).start().await;
    let two = one.second_program();
    (one, two)
}

fn started(folder: TempDir, command: &mut Command, addr: SocketAddr) -> OwnProcess {
    let mut proxy = OwnProcess::start(folder, command);
    assert!(proxy.listens(addr), "the proxy ended:\n{}", proxy.output());
    proxy
}
