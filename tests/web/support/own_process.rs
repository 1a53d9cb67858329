//! A server or program that a test starts for itself, to stop, freeze and kill it.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A process and its folder; both are gone when this is dropped.
pub struct OwnProcess {
    child: Child,
    folder: TempDir,
}

impl OwnProcess {
    /// Starts a program with its output in `output.log` of the folder.
    pub fn start(folder: TempDir, command: &mut Command) -> Self {
        let log = File::options().create(true).append(true).open(folder.path().join("output.log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // `scripts/services` ends what is named here when this process cannot.
        std::fs::write(folder.path().join("server.pid"), child.id().to_string()).unwrap();
        Self { child, folder }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed so far, standard output and error.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output.log")).unwrap_or_default()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again in the same folder.
    pub fn start_again(&mut self, command: &mut Command) {
        self.kill();
        let log = File::options().append(true).open(self.folder.path().join("output.log")).unwrap();
        self.child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        std::fs::write(self.folder.path().join("server.pid"), self.child.id().to_string()).unwrap();
    }

    /// Sends a signal by its name: `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        signal(name, &[self.id()]);
    }

    /// Waits until a port answers; false when the process ended instead.
    pub fn listens(&mut self, addr: SocketAddr) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(addr).is_err() {
            if !self.runs() {
                return false;
            }
            assert!(Instant::now() < deadline, "nothing listens on {addr}\n{}", self.output());
            sleep(Duration::from_millis(10));
        }
        true
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to processes that a test started, by their ids.
pub fn signal(name: &str, ids: &[u32]) {
    let status = Command::new("kill").arg(format!("-{name}")).args(ids.iter().map(u32::to_string)).status();
    assert!(status.unwrap().success(), "kill -{name} {ids:?}");
}

/// A port that nobody has. Somebody may take it before it is used, so callers try again.
pub fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
