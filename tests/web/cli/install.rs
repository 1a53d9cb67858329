//! Follows `docs/install.md`: every command of its part "By hand", as it stands there. Only the folder and the ports are others.

use std::{
    fs::{Permissions, set_permissions},
    net::SocketAddr,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    process::Command,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;

use crate::support::*;

/// The blocks of commands, joined; the last one stops everything.
fn blocks() -> Vec<String> {
    let page = std::fs::read_to_string("docs/install.md").unwrap();
    let mut blocks = Vec::new();
    let mut rest = page.as_str();
    while let Some((_, from)) = rest.split_once("```sh\n") {
        let (block, after) = from.split_once("```").unwrap();
        blocks.push(block.to_owned());
        rest = after;
    }
    assert!(blocks.len() > 4, "docs/install.md has {} blocks", blocks.len());
    blocks
}

/// Runs commands as whoever may start Postgres, until they are done; what they start in the background goes on.
fn run(folder: &TempDir, commands: &str) -> Result<String, String> {
    let script = folder.path().join("script");
    std::fs::write(&script, format!("set -euo pipefail\n{commands}\n")).unwrap();
    set_permissions(&script, Permissions::from_mode(0o644)).unwrap();
    let said = folder.path().join("said");
    let output = std::fs::File::create(&said).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    if let Some((user, group)) = server_user() {
        bash.uid(user).gid(group);
    }
    let status = bash
        .arg(&script)
        .env("PATH", path)
        .env("HOME", folder.path())
        .current_dir("/")
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .status()
        .unwrap();
    let said = std::fs::read_to_string(said).unwrap();
    if status.success() { Ok(said) } else { Err(said) }
}

#[actix_web::test]
async fn install_page_leads_to_two_instances_behind_nginx() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("gatehouse");
    std::fs::copy(env!("CARGO_BIN_EXE_gatehouse"), &program).unwrap();
    if let Some((user, group)) = server_user() {
        chown(folder.path(), Some(user), Some(group)).unwrap();
    }
    let addresses: Vec<SocketAddr> = (0..6).map(|_| free_addr()).collect();
    let others = |commands: &str| {
        ["8080", "6390", "3001", "9101", "3002", "9102"]
            .iter()
            .zip(&addresses)
            .fold(commands.to_owned(), |text, (port, other)| text.replace(port, &other.port().to_string()))
    };
    let mut blocks = blocks();
    let stop = blocks.pop().unwrap();
    // What a shell still knows when it is asked to stop.
    let keep = "declare -p REDIS_PASSWORD PATH > shell\n";
    let done = run(&folder, &others(&format!("{}{keep}", blocks.concat())));
    let stop = format!("cd ~/site\n. ./shell\n{}", others(&stop));
    let stopped = Stop { folder: &folder, commands: stop };
    let said = done.unwrap_or_else(|said| panic!("{said}"));
    let password =
        said.lines().find_map(|line| line.strip_prefix("admin@example.org has the password ")).unwrap();

    let site = Client::new(Arc::new(Mutex::new(addresses[0])));
    let fields = [("email", "admin@example.org"), ("password", password)];
    site.post("/login", &fields).await.expect(303);
    for _ in 0..4 {
        site.get("/admin/sessions").await.expect(200).has("admin@example.org");
    }
    // One is enough.
    let one = std::fs::read_to_string(folder.path().join("site/one.pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", one.trim()]).status().unwrap().success());
    for _ in 0..4 {
        site.get("/admin/sessions").await.expect(200);
    }
    drop(stopped);
    eventually(|| async { std::net::TcpStream::connect(addresses[0]).is_err() }).await;
}

/// Stops what was started, whatever became of the test.
struct Stop<'a> {
    folder: &'a TempDir,
    commands: String,
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let each = self.commands.lines().filter(|line| !line.is_empty());
        // One instance has gone already.
        let commands = each.map(|line| format!("{line} || true\n")).collect::<String>();
        if let Err(said) = run(self.folder, &commands) {
            eprintln!("{said}");
        }
    }
}
