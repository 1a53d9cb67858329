//! nginx with the files of the documentation.

use std::{net::SocketAddr, process::Command};

use tempfile::TempDir;

use super::own_process::OwnProcess;

/// Everything that Gatehouse's own files need around them.
const MAIN: &str = "daemon off; master_process off; pid nginx.pid; worker_processes 1;\nevents {}\nhttp {\naccess_log off;\n\
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n\
    include site.conf;\n}\n";

/// A file of the documentation with parts of it replaced, each of which it has to have.
pub fn replaced(conf: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(conf.to_owned(), |conf, (from, to)| {
        assert!(conf.contains(from), "the file has no {from}");
        conf.replace(from, to)
    })
}

/// Starts nginx, which listens there.
pub fn start(conf: &str, addr: SocketAddr) -> OwnProcess {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("nginx.conf"), MAIN).unwrap();
    std::fs::write(folder.path().join("site.conf"), conf).unwrap();
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder.path());
    let mut nginx = OwnProcess::start(folder, &mut command);
    assert!(nginx.listens(addr), "nginx ended:\n{}", nginx.output());
    nginx
}
