//! A server or program that a test starts for itself, so that it can stop, freeze and kill it.

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Range,
    path::Path,
    process::{self, Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A process and its folder. Dropping this kills the process and removes the folder.
pub struct OwnProcess {
    child: Child,
    folder: TempDir,
}

impl OwnProcess {
    /// Starts a program whose output goes to `output.log` in the folder.
    pub fn start(folder: TempDir, command: &mut Command) -> Self {
        let log = File::options().create(true).append(true).open(folder.path().join("output.log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // `scripts/services` kills the process with this id when the test process cannot.
        std::fs::write(folder.path().join("server.pid"), child.id().to_string()).unwrap();
        Self { child, folder }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the process has printed so far, standard output and error.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output.log")).unwrap_or_default()
    }

    /// Forgets what the process has printed so far.
    pub fn clear_output(&self) {
        File::options().write(true).truncate(true).open(self.folder.path().join("output.log")).unwrap();
    }

    /// Whether the process runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The exit status, if the process has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Kills the process (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the process again in the same folder.
    pub fn start_again(&mut self, command: &mut Command) {
        self.kill();
        let log = File::options().append(true).open(self.folder.path().join("output.log")).unwrap();
        self.child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        std::fs::write(self.folder.path().join("server.pid"), self.child.id().to_string()).unwrap();
    }

    /// Sends the process a signal by its name: `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        signal(name, &[self.id()]);
    }

    /// Freezes the process (SIGSTOP): connections to a server are accepted and nothing is answered.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Resumes the process (SIGCONT).
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Waits until a server answers requests over HTTP, some time after its port is open; returns false when the process ends
    /// instead.
    pub fn serves(&mut self, addr: SocketAddr) -> bool {
        let answers = || {
            let mut stream = TcpStream::connect(addr)?;
            stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
            stream.read_exact(&mut [0])
        };
        // The process may end, and another test's take its port.
        self.listens(addr) && answers().is_ok() && self.runs()
    }

    /// Waits until a port accepts connections; returns false when the process ends instead.
    pub fn listens(&mut self, addr: SocketAddr) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
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

/// Sends a signal to processes that a test has started, by their ids.
pub fn signal(name: &str, ids: &[u32]) {
    let status = Command::new("kill").arg(format!("-{name}")).args(ids.iter().map(u32::to_string)).status();
    assert!(status.unwrap().success(), "kill -{name} {ids:?}");
}

/// Ports below those that the kernel gives to servers and connections which name none (Linux: 32768 and above).
const NAMED_PORTS: Range<u32> = 16_000..32_000;

/// A free port, which no other test of this run is given. Another process may take it before it is used, so callers retry.
pub fn free_addr() -> SocketAddr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Runs side by side begin at different ports.
        let place = (process::id() * 97 + GIVEN.fetch_add(1, Relaxed)) % NAMED_PORTS.len() as u32;
        let port = u16::try_from(NAMED_PORTS.start + place).unwrap();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().unwrap();
        }
    }
}
