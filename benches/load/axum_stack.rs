//! The axum stack of `benches/peers/axum`: the same page and sign-in, built of the libraries that many would take for it. It is a
//! program of its own, which `scripts/bench` builds.

use std::{collections::HashMap, ffi::OsStr, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use tokio::process::{Child, Command};

use crate::{
    app,
    server::{COOKIE, Server, User, free_port},
    stores::Stores,
};

/// Where `scripts/bench` says the program is. Without it the stack is left out.
const PROGRAM: &str = "BENCH_AXUM_STACK";

/// Gives the users sessions of the stack and starts it, in a process of its own. The limit server's recordings must have been made.
pub async fn start(
    stores: &Stores,
    users: &mut [User],
    remembered: &mut [User],
) -> Result<Option<(Child, Server)>> {
    let Some(program) = std::env::var_os(PROGRAM) else { return Ok(None) };
    let cookies = sign_in_all(&program, stores).await?;
    // It knows no "remember me": each user has one session.
    for user in users.iter_mut().chain(remembered) {
        let value = cookies.get(&user.email).context("a user without a session of the axum stack")?;
        user.axum_cookie = format!("{COOKIE}={value}");
    }
    let port = free_port()?;
    let child = Command::new(program)
        .args(["serve", &port.to_string(), stores.postgres_url.as_str(), stores.redis_url.as_str()])
        .arg(stores.directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context(PROGRAM)?;
    let pid = child.id().context("the axum stack has stopped")?;
    let server = Server { port, pid, cookie: |user| &user.axum_cookie };
    app::wait_until_ready(server, "/profile", &users[0].axum_cookie).await?;
    eprintln!("· axum stack {pid}");
    Ok(Some((child, server)))
}

/// Lets the stack sign in all users, without their passwords, and returns the values of their cookies by their addresses.
async fn sign_in_all(program: &OsStr, stores: &Stores) -> Result<HashMap<String, String>> {
    let output = Command::new(program)
        .args(["sessions", stores.postgres_url.as_str(), stores.redis_url.as_str()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .context(PROGRAM)?;
    ensure!(output.status.success(), "{PROGRAM} sessions: {}", output.status);
    let lines = String::from_utf8(output.stdout)?;
    let cookies = lines.lines().filter_map(|line| line.split_once(' '));
    Ok(cookies.map(|(email, value)| (email.to_owned(), value.to_owned())).collect())
}
