//! A site behind a proxy: the site itself, which answers with the request that arrived, and nginx in front of it and of Gatehouse, with
//! the file of the documentation.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use reqwest::Method;
use tempfile::TempDir;

use super::{
    answer::Answer,
    app::TestApp,
    client::{Client, Request},
    other_site::OtherSite,
    own_process::{OwnProcess, free_addr},
    stack::Stack,
};

/// Everything that Gatehouse's own file for nginx needs around it.
const MAIN: &str = "daemon off; master_process off; pid nginx.pid; worker_processes 1;\nevents {}\nhttp {\naccess_log off;\n\
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n\
    include site.conf;\n}\n";

/// nginx with `login.example.org` and `app.example.org`.
pub struct ProxiedSite {
    pub app: TestApp,
    addr: SocketAddr,
    site: OtherSite,
    _nginx: OwnProcess,
}

impl ProxiedSite {
    /// Starts Gatehouse, the site, and nginx before both.
    pub async fn start(stack: Stack) -> Self {
        let addr = free_addr();
        let app = TestApp::builder(stack)
            .var("BASE_URL", format!("http://login.example.org:{}", addr.port()))
            .var("COOKIE_DOMAIN", "example.org")
            .var("TRUSTED_PROXIES", "127.0.0.1")
            .start()
            .await;
        let site = OtherSite::start();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/nginx.conf");
        let conf = std::fs::read_to_string(file).unwrap();
        let replaced = [
            ("listen 80;", format!("listen {addr};")),
            ("server 127.0.0.1:3000;", format!("server {};", app.addr())),
            ("http://127.0.0.1:8080;", format!("http://{};", site.addr)),
        ];
        let conf = replaced.iter().fold(conf, |conf, (from, to)| {
            assert!(conf.contains(from), "{file} has no {from}");
            conf.replace(from, to)
        });
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("nginx.conf"), MAIN).unwrap();
        std::fs::write(folder.path().join("site.conf"), conf).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder.path());
        let mut nginx = OwnProcess::start(folder, &mut command);
        assert!(nginx.listens(addr), "nginx ended:\n{}", nginx.output());
        Self { app, addr, site, _nginx: nginx }
    }

    /// A browser that asks nginx.
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

    /// Gets a page of the site behind the login.
    pub async fn get(&self, client: &Client, path: &str) -> Answer {
        self.request(client, Method::GET, "app", path).send().await
    }

    /// How many requests the site behind the login got.
    pub fn requests(&self) -> usize {
        self.site.requests()
    }
}
