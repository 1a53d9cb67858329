//! A mail server of a test's own (Debian's python3-aiosmtpd), which the test can make refuse, hang and die.

use std::{
    fs,
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use tempfile::TempDir;

use super::{
    answer::css,
    certificates,
    eventually::eventually,
    own_process::{OwnProcess, free_addr},
};

/// How the server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerTls {
    None,
    /// By STARTTLS.
    Offered,
    /// From the first byte.
    Implicit,
}

/// The steps of sending at which the server can hold a sender or die. At the last two it has the mail.
pub const STEPS: [&str; 7] = ["ehlo", "mail", "rcpt", "data", "text", "accepted", "quit"];

/// A mail server that only one test uses.
pub struct SmtpServer {
    process: OwnProcess,
    addr: SocketAddr,
    tls: ServerTls,
}

impl Deref for SmtpServer {
    type Target = OwnProcess;

    fn deref(&self) -> &OwnProcess {
        &self.process
    }
}

impl DerefMut for SmtpServer {
    fn deref_mut(&mut self) -> &mut OwnProcess {
        &mut self.process
    }
}

/// A mail that the server has accepted.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The sender and the recipients that the server was told.
    pub from: String,
    pub to: Vec<String>,
    /// Decoded.
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
    /// Who was signed in at the server.
    pub user: Option<String>,
}

impl Mail {
    /// The value of a header.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name}: {:?}", self.headers), |(_, value)| value)
    }

    /// Where the one button leads; the text has the same address on a line of its own.
    #[track_caller]
    pub fn link(&self) -> String {
        let document = scraper::Html::parse_document(&self.html);
        let buttons: Vec<_> = document.select(&css("a.button")).collect();
        assert_eq!(buttons.len(), 1, "{}", self.html);
        let href = buttons[0].attr("href").unwrap().to_owned();
        assert!(self.text.lines().any(|line| line == href), "{href} is not in the text:\n{}", self.text);
        href
    }
}

impl SmtpServer {
    /// Starts a server that accepts all mail.
    pub fn start_own() -> Self {
        Self::start(ServerTls::None)
    }

    /// Starts a server with a certificate for 127.0.0.1, by the authority in [`SmtpServer::authority`].
    pub fn start(tls: ServerTls) -> Self {
        loop {
            let (folder, addr) = (TempDir::new().unwrap(), free_addr());
            fs::create_dir(folder.path().join("mails")).unwrap();
            fs::write(folder.path().join("mode"), "accept").unwrap();
            if tls != ServerTls::None {
                certificates::make(folder.path());
            }
            let command = &mut command(addr, folder.path(), tls);
            let process = OwnProcess::start(folder, command);
            let mut server = Self { process, addr, tls };
            if server.process.listens(addr) {
                return server;
            }
            let output = server.process.output();
            assert!(output.contains("in use"), "the mail server ended:\n{output}");
        }
    }

    /// Its address, for `SMTP_URL`.
    pub fn url(&self) -> String {
        let scheme = if self.tls == ServerTls::Implicit { "smtps" } else { "smtp" };
        format!("{scheme}://{}", self.addr)
    }

    /// Its address with a user name and a password as they are written.
    pub fn url_for(&self, credentials: &str) -> String {
        self.url().replace("://", &format!("://{credentials}@"))
    }

    /// The certificate of the authority, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.process.folder().join("ca.pem")
    }

    /// What it does from now on: `accept`, `450`, `550`, or `hold` or `die` with one of [`STEPS`], as `hold data`.
    pub fn set_mode(&self, mode: &str) {
        let (folder, new) = (self.process.folder(), self.process.folder().join("mode.new"));
        fs::write(&new, mode).unwrap();
        fs::rename(new, folder.join("mode")).unwrap();
    }

    /// Waits until a sender is held at the step of `hold`.
    #[track_caller]
    pub fn holds(&self, step: &str) -> impl Future<Output = ()> {
        let held = self.process.folder().join("held");
        eventually(move || {
            let is_held = fs::read_to_string(&held).is_ok_and(|held| held == step);
            async move { is_held }
        })
    }

    /// The mails that it has accepted, in their order, but those that confirm the address of a new account.
    pub fn mails(&self) -> Vec<Mail> {
        let mut mails = self.all_mails();
        mails.retain(|mail| !mail.header("Subject").starts_with("Confirm your address"));
        mails
    }

    /// All mails that it has accepted, in their order.
    pub fn all_mails(&self) -> Vec<Mail> {
        let entries = fs::read_dir(self.process.folder().join("mails")).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
    }

    /// Waits until it has accepted so many mails.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> impl Future<Output = Vec<Mail>> {
        eventually(move || async move { Some(self.mails()).filter(|mails| mails.len() >= count) })
    }

    /// Waits for a mail with this subject.
    #[track_caller]
    pub fn mail_about(&self, subject: &str) -> impl Future<Output = Mail> {
        eventually(move || async move {
            self.mails().into_iter().rev().find(|mail| mail.header("Subject").contains(subject))
        })
    }

    /// Waits for so many mails to an address with this subject; returns the last one.
    #[track_caller]
    pub fn mail_to(&self, to: &str, subject: &str, count: usize) -> impl Future<Output = Mail> {
        eventually(move || async move {
            let mut mails = self.all_mails();
            mails.retain(|mail| mail.to == [to] && mail.header("Subject").contains(subject));
            mails.pop().filter(|_| mails.len() + 1 >= count)
        })
    }

    /// Starts the server again, with the mails that it has, on the same port.
    pub fn restart(&mut self) {
        let command = &mut command(self.addr, self.process.folder(), self.tls);
        self.process.start_again(command);
        assert!(self.process.listens(self.addr), "{}", self.process.output());
    }
}

/// Debian's Python, which has its packages.
fn command(addr: SocketAddr, folder: &Path, tls: ServerTls) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/support/smtp.py");
    let kind = match tls {
        ServerTls::None => "plain",
        ServerTls::Offered => "starttls",
        ServerTls::Implicit => "implicit",
    };
    let mut command = Command::new("/usr/bin/python3");
    command.arg(script).arg(addr.port().to_string()).arg(folder).arg(kind);
    command
}
