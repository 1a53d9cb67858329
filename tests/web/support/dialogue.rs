//! A command that waits for somebody at the terminal.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use super::{own_process::signal, program::Finished};

/// How long a line may take on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command that runs, with what it writes to standard error. Dropping it kills the command.
pub struct Dialogue {
    child: Child,
    lines: Receiver<String>,
    stdout: ChildStdout,
    stderr: String,
}

impl Dialogue {
    pub(super) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (send, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self { child, lines, stdout, stderr: String::new() }
    }

    /// Waits for a line on standard error that has this text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        loop {
            let Ok(line) = self.lines.recv_timeout(DEADLINE) else {
                panic!("the command has not said {text:?}, but:\n{}", self.stderr);
            };
            self.stderr.push_str(&format!("{line}\n"));
            if line.contains(text) {
                return;
            }
        }
    }

    /// Presses Enter.
    pub fn press_enter(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Sends the command a signal by its name.
    pub fn signal(&self, name: &str) {
        signal(name, &[self.child.id()]);
    }

    /// Waits until the command ends.
    pub fn finish(mut self) -> Finished {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        while let Ok(line) = self.lines.recv() {
            self.stderr.push_str(&format!("{line}\n"));
        }
        Finished { status, stdout, stderr: std::mem::take(&mut self.stderr) }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
