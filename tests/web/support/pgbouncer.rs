//! A PgBouncer of a test's own with the file of the documentation.

use std::{
    fs,
    net::SocketAddr,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use super::{
    own_process::{OwnProcess, free_addr},
    postgres::{PostgresServer, server_user},
};

const FILE: &str = include_str!("../../../docs/examples/pgbouncer.ini");

/// The password that PgBouncer asks for, as it is and as URLs have it.
const PASSWORD: &str = "p@ss/w:rd?#&=%+, 1ü";
const IN_URLS: &str = "p%40ss%2Fw%3Ard%3F%23%26%3D%25%2B%2C%201%C3%BC";

/// A PgBouncer before a server. Dropping it kills it.
pub struct PgBouncer {
    process: OwnProcess,
    addr: SocketAddr,
    server: SocketAddr,
}

impl PgBouncer {
    /// Starts it with these changes to the file.
    pub fn before(server: &PostgresServer, changes: &[(&str, &str)]) -> Self {
        loop {
            let (addr, folder) = (free_addr(), TempDir::new().unwrap());
            write(folder.path(), addr, server.addr(), changes);
            fs::write(folder.path().join("users"), format!("\"postgres\" \"{PASSWORD}\"\n")).unwrap();
            if let Some((user, group)) = server_user() {
                chown(folder.path(), Some(user), Some(group)).unwrap();
            }
            let command = &mut command(folder.path());
            let mut process = OwnProcess::start(folder, command);
            if process.listens(addr) {
                return Self { process, addr, server: server.addr() };
            }
            let output = process.output();
            assert!(output.contains("in use"), "{output}");
        }
    }

    /// The address for `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{IN_URLS}@{}/gatehouse", self.addr)
    }

    /// Changes the file while it runs, as its operator would.
    pub fn reload(&self, changes: &[(&str, &str)]) {
        write(self.process.folder(), self.addr, self.server, changes);
        self.process.signal("HUP");
    }

    /// Kills it and starts it again.
    pub fn restart(&mut self) {
        let command = &mut command(self.process.folder());
        self.process.start_again(command);
        assert!(self.process.listens(self.addr), "{}", self.process.output());
    }
}

fn write(folder: &Path, addr: SocketAddr, server: SocketAddr, changes: &[(&str, &str)]) {
    let (listen_port, port) = (format!("listen_port = {}", addr.port()), format!("port={}", server.port()));
    let users = folder.join("users").display().to_string();
    let own = [
        ("listen_port = 6432", listen_port.as_str()),
        ("port=5432", &port),
        ("dbname=gatehouse", "dbname=postgres"),
        ("/etc/pgbouncer/userlist.txt", &users),
    ];
    let file = own.iter().chain(changes).fold(FILE.to_owned(), |file, (from, to)| {
        assert!(file.contains(from), "the file has no {from}");
        file.replace(from, to)
    });
    fs::write(folder.join("pgbouncer.ini"), file).unwrap();
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("pgbouncer");
    command.arg(folder.join("pgbouncer.ini")).current_dir("/");
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}
