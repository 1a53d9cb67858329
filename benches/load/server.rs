//! What every part of the benchmark needs to know: the servers under load and the users that send requests to them.

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The session cookie's name over plain HTTP.
pub const COOKIE: &str = "gatehouse";

/// The name of the cookie by which a browser is known.
pub const BROWSER_COOKIE: &str = "gatehouse-browser";

/// The password of every user.
pub const PASSWORD: &str = "violet-harbor-93-lantern";

/// A user who registered for this run.
#[derive(Clone)]
pub struct User {
    pub name: String,
    pub email: String,
    /// The session cookie as `name=value`, as the application set it.
    pub cookie: String,
    /// The cookie by which the browser is known that has registered, as `name=value`; its sign-ins are no news.
    pub browser_cookie: String,
    /// The cookie for the limit server: its value is the key of the user's session in the store.
    pub limit_cookie: String,
    /// The cookie for the axum stack, which has sessions of its own.
    pub axum_cookie: String,
}

/// A server under load: the application, the limit server or the axum stack.
#[derive(Clone, Copy)]
pub struct Server {
    pub port: u16,
    pub pid: u32,
    /// Which of the user's cookies the server takes.
    pub cookie: fn(&User) -> &str,
}

/// A TCP port that no process listens on.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Raises the limit of open files as far as it goes, which has to be to `wanted`.
pub fn raise_open_files(wanted: usize) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    ensure!(most >= wanted as u64, "{wanted} open files are needed, and {most} allowed: raise `ulimit -Hn`");
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}
