//! The program as an operator runs it: the command line, its exit status, and a server that a test can kill.

use std::{
    io::Write,
    net::SocketAddr,
    ops::Deref,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    app::TestApp,
    client::Client,
    dialogue::Dialogue,
    forged_cookies::SECRET,
    own_process::{OwnProcess, free_addr, signal},
    secrets,
    stores::Stores,
};

/// Settings of the application: the names and values of variables.
pub type Vars = Vec<(String, String)>;

/// `gatehouse serve` in a process of its own, in an empty folder, with nothing of this process' environment.
pub struct Program {
    process: OwnProcess,
    address: Arc<Mutex<SocketAddr>>,
    vars: Vars,
    stores: Arc<Stores>,
    set_up: bool,
    open_files: Option<OpenFiles>,
}

/// The limits of open files that a program is started with (`ulimit -n`).
#[derive(Debug, Clone, Copy)]
pub struct OpenFiles {
    pub soft: u32,
    pub hard: u32,
}

/// A command that runs for longer is killed: one that should have failed may have started to serve.
const LONGEST_COMMAND: Duration = Duration::from_secs(180);

/// The result of a command that has ended.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub(super) fn serve(
        vars: Vars,
        stores: Arc<Stores>,
        set_up: bool,
        open_files: Option<OpenFiles>,
    ) -> Self {
        // All that there is to log, so that what must not be in it is looked for everywhere.
        let log = ("RUST_LOG".to_owned(), "trace".to_owned());
        let vars: Vec<_> = [log].into_iter().chain(stores.vars()).chain(vars).collect();
        if set_up {
            stores.migrate();
        }
        let administrator = set_up.then(|| stores.passing_administrator());
        loop {
            let addr = free_addr();
            let folder = TempDir::new().unwrap();
            let command = &mut serve(&vars, open_files);
            command.env("LISTEN_ADDR", addr.to_string()).current_dir(folder.path());
            let mut process = OwnProcess::start(folder, command);
            if process.serves(addr) {
                drop(administrator);
                let address = Arc::new(Mutex::new(addr));
                return Self { process, address, vars, stores, set_up, open_files };
            }
            let output = process.output();
            assert!(output.contains("is taken"), "the program ended:\n{output}");
        }
    }

    /// Starts the program and does not wait until it serves.
    pub fn begin(vars: &[(String, String)]) -> OwnProcess {
        OwnProcess::start(TempDir::new().unwrap(), &mut serve(vars, None))
    }

    /// Another instance with the same settings on the same stores.
    pub fn second(&self) -> Self {
        Self::serve(self.vars.clone(), self.stores.clone(), self.set_up, self.open_files)
    }

    /// The resident memory of the program, in MiB.
    pub fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// The same without what it maps of files, such as its own code.
    pub fn own_memory(&self) -> usize {
        self.status("RssAnon:")
    }

    fn status(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
    }

    /// Runs a command and waits until it ends: `Program::run(&["check-config"], &vars, "")`.
    pub fn run(arguments: &[&str], vars: &[(String, String)], stdin: &str) -> Finished {
        Self::run_in(TempDir::new().unwrap().path(), arguments, vars, stdin)
    }

    /// Runs a command in a folder, whose `.env` it reads.
    pub fn run_in(folder: &Path, arguments: &[&str], vars: &[(String, String)], stdin: &str) -> Finished {
        let mut child = command(arguments, vars)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The command may end without reading.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let (ended, running) = channel::<()>();
        let id = child.id();
        thread::spawn(move || {
            if running.recv_timeout(LONGEST_COMMAND) == Err(RecvTimeoutError::Timeout) {
                signal("KILL", &[id]);
            }
        });
        let output = child.wait_with_output().unwrap();
        drop(ended);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Finished { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command whose output nobody reads.
    pub fn run_unread(arguments: &[&str], vars: &[(String, String)]) -> Finished {
        let folder = TempDir::new().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(arguments, vars);
        let child =
            command.current_dir(folder.path()).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
        let output = child.spawn().unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        Finished { status: output.status, stdout: String::new(), stderr }
    }

    /// Runs a command on the same stores with the same settings.
    pub fn command(&self, arguments: &[&str], stdin: &str) -> Finished {
        Self::run(arguments, &self.vars, stdin)
    }

    /// Runs a command on the same stores with one setting changed.
    pub fn command_with(&self, (name, value): (&str, &str), arguments: &[&str]) -> Finished {
        let others = self.vars.iter().filter(|(known, _)| known != name).cloned();
        let vars: Vars = others.chain([(name.to_owned(), value.to_owned())]).collect();
        Self::run(arguments, &vars, "")
    }

    /// Begins a command on the same stores with the same settings, to talk with it.
    pub fn begin_command(&self, arguments: &[&str]) -> Dialogue {
        Dialogue::start(command(arguments, &self.vars).current_dir(self.folder()))
    }

    /// A browser without cookies. It follows the program through restarts.
    pub fn client(&self) -> Client {
        Client::new(self.address.clone())
    }

    /// Where the program listens.
    pub fn addr(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    pub(super) fn address(&self) -> Arc<Mutex<SocketAddr>> {
        self.address.clone()
    }

    /// The stores that the program uses.
    pub fn stores(&self) -> &Arc<Stores> {
        &self.stores
    }

    /// What the program has printed so far.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The folder in which the program runs.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills the program (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops the program where it is (SIGSTOP); its port stays open.
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets the program go on.
    pub fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// Asks the program to end (SIGTERM) and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait()
    }

    /// Starts the program again with an empty log, on the same port if that is still free.
    pub fn restart_with_new_log(&mut self) {
        self.process.clear_output();
        self.restart();
    }

    /// Sends the program a signal by its name.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// The exit status, if the program has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Waits until the program has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Starts the program again, on the same port if that is still free.
    pub fn restart(&mut self) {
        let mut addr = *self.address.lock().unwrap();
        let _administrator = self.set_up.then(|| self.stores.passing_administrator());
        loop {
            let command = &mut serve(&self.vars, self.open_files);
            command.env("LISTEN_ADDR", addr.to_string()).current_dir(self.process.folder());
            self.process.start_again(command);
            if self.process.serves(addr) {
                *self.address.lock().unwrap() = addr;
                return;
            }
            let output = self.process.output();
            assert!(output.contains("in use"), "the program ended:\n{output}");
            addr = free_addr();
        }
    }
}

impl Drop for Program {
    /// Whatever a test did: nothing of what it and all others used to prove who they are is in the log.
    fn drop(&mut self) {
        if !thread::panicking() {
            self.process.kill();
            let found = secrets::found_in(&self.process.output());
            assert!(found.is_empty(), "the log has {found:?}:\n{}", self.process.output());
        }
    }
}

impl Deref for Program {
    type Target = Stores;

    fn deref(&self) -> &Stores {
        &self.stores
    }
}

impl Finished {
    /// Asserts success with nothing on standard error; returns standard output.
    #[track_caller]
    pub fn done(self) -> String {
        assert!(self.status.success() && self.stderr.is_empty(), "{self:?}");
        self.stdout
    }

    /// Asserts exit status 1; returns standard error.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_eq!(self.status.code(), Some(1), "{self:?}");
        self.stderr
    }
}

impl TestApp {
    /// The settings of a command that works on this application's stores.
    pub fn command_vars(&self) -> Vars {
        let secret = ("SESSION_SECRET".to_owned(), SECRET.to_owned());
        let timeout = ("STORE_TIMEOUT".to_owned(), "5s".to_owned());
        [self.stores().vars(), vec![secret, timeout]].concat()
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_gatehouse");

fn serve(vars: &[(String, String)], open_files: Option<OpenFiles>) -> Command {
    let Some(OpenFiles { soft, hard }) = open_files else { return command(&["serve"], vars) };
    let mut command = Command::new("/bin/sh");
    command.args([
        "-c",
        &format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$0\" serve"),
        PROGRAM,
    ]);
    command.env_clear().envs(vars.iter().map(|(name, value)| (name, value)));
    command
}

fn command(arguments: &[&str], vars: &[(String, String)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear().envs(vars.iter().map(|(name, value)| (name, value)));
    command
}
