//! The front: its port, its certificate, where it leads, and what it does with a path.

use std::{
    collections::HashMap,
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{
    connection::serve,
    exchange::{Exchange, Headers},
};
use crate::support::{certificates, client::Cookie, eventually::eventually, secrets};

/// What the front does with the requests for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathRule {
    Pass,
    /// They wait until the rule changes.
    Hold,
    /// They are answered with 503.
    Fail,
    /// Their connections end without an answer, and nothing arrives.
    Cut,
    /// They arrive and are answered, and the answers are lost.
    LoseAnswer,
}

/// The front. Dropping it ends all connections.
pub struct TlsFront {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// The certificates, and a file that says who made them.
    folder: TempDir,
    runtime: Option<Runtime>,
}

pub(super) struct Shared {
    default: Mutex<SocketAddr>,
    hosts: Mutex<HashMap<String, SocketAddr>>,
    rules: watch::Sender<HashMap<String, PathRule>>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl TlsFront {
    /// Starts it with a certificate for some names. It leads nowhere yet: what it leads to has to know its port.
    pub fn start(names: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let names: Vec<String> = names.iter().map(|name| format!("DNS:{name}")).collect();
        certificates::make_for(folder.path(), &names.join(","));
        let acceptor = acceptor(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let shared = Arc::new(Shared {
            default: Mutex::new(addr),
            hosts: Mutex::default(),
            rules: watch::Sender::default(),
            exchanges: Mutex::default(),
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Self { addr, shared, folder, runtime: Some(runtime) }
    }

    /// From now on requests for names without a server of their own go there.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.shared.default.lock().unwrap() = server;
    }

    /// From now on requests for this name go there.
    pub fn lead_name_to(&self, host: &str, server: SocketAddr) {
        self.shared.hosts.lock().unwrap().insert(host.to_owned(), server);
    }

    /// What happens to the requests for a path from now on; those that are held go on by the new rule.
    pub fn set(&self, path: &str, rule: PathRule) {
        self.shared.rules.send_modify(|rules| {
            rules.insert(path.to_owned(), rule);
        });
    }

    /// The origin of a name.
    pub fn origin(&self, host: &str) -> String {
        format!("https://{host}:{}", self.addr.port())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The SHA-256 of the certificate's public key in Base64, by which Chromium trusts it.
    pub fn key_hash(&self) -> String {
        let mut command = Command::new("openssl");
        command
            .args(["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"])
            .current_dir(self.folder.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        STANDARD.encode(Sha256::digest(output.stdout))
    }

    /// All requests so far, in the order in which they came.
    pub fn all_requests(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().unwrap().clone()
    }

    /// The requests for a path so far.
    pub fn requests(&self, path: &str) -> Vec<Exchange> {
        let mut requests = self.all_requests();
        requests.retain(|exchange| exchange.path() == path);
        requests
    }

    /// Waits until a path was asked for so often and all of it is answered; returns the last request.
    #[track_caller]
    pub fn answered(&self, path: &str, count: usize) -> impl Future<Output = Exchange> {
        eventually(move || async move {
            let mut requests = self.requests(path);
            let all = requests.len() >= count && requests.iter().all(|request| request.status.is_some());
            requests.pop().filter(|_| all)
        })
    }

    /// Waits until a path was asked for so often, answered or not.
    #[track_caller]
    pub fn asked(&self, path: &str, count: usize) -> impl Future<Output = ()> {
        eventually(move || async move { self.requests(path).len() >= count })
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    pub(super) fn target(&self, host: &str) -> SocketAddr {
        let own = self.hosts.lock().unwrap().get(host).copied();
        own.unwrap_or_else(|| *self.default.lock().unwrap())
    }

    /// The rule for a path, once it doesn't hold its requests.
    pub(super) async fn rule(&self, path: &str) -> PathRule {
        let of = |rules: &HashMap<String, PathRule>| rules.get(path).copied().unwrap_or(PathRule::Pass);
        let mut rules = self.rules.subscribe();
        let rule = rules.wait_for(|rules| of(rules) != PathRule::Hold).await.map(|rules| of(&rules));
        rule.unwrap_or(PathRule::Cut)
    }

    /// Notes a request; returns its number.
    pub(super) fn note(&self, exchange: Exchange) -> usize {
        exchange.request.all("secure-session-response").into_iter().for_each(secrets::note);
        let mut exchanges = self.exchanges.lock().unwrap();
        exchanges.push(exchange);
        exchanges.len() - 1
    }

    /// Notes the head of the answer to a request.
    pub(super) fn note_answer(&self, number: usize, line: &str, answer: Headers) {
        for set in answer.all("set-cookie") {
            let cookie = Cookie::parse(set);
            // This one has the public id of a session.
            if !cookie.name.ends_with("gatehouse-told") {
                secrets::note(&cookie.value);
            }
        }
        let exchange = &mut self.exchanges.lock().unwrap()[number];
        exchange.status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        exchange.answer = answer;
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        // A connection that could not be accepted has ended already.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        // Browsers close connections when they like, which is no failure of a test.
        tokio::spawn(async move { drop(serve(stream, acceptor, &shared).await) });
    }
}

fn acceptor(folder: &std::path::Path) -> TlsAcceptor {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let certificates = vec![CertificateDer::from_pem_slice(&read("cert.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&read("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(certificates, key).unwrap()))
}
