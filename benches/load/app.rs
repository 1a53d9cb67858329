//! The application as its users start it, and the users who register with it.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    task::JoinSet,
};

use crate::{
    client::Connection,
    server::{BROWSER_COOKIE, COOKIE, PASSWORD, Server, User, free_port},
    stats,
    stores::Stores,
};

/// Clients that register users concurrently.
const REGISTERING_CLIENTS: usize = 8;

/// How often a registration or sign-in is sent again that was answered with 503, a second later.
const MAX_RETRIES: usize = 30;

/// How long a server may take from its start to the first response.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether guessing and bursts are limited.
#[derive(Debug, Clone, Copy)]
pub enum Throttle {
    /// As by default.
    On,
    /// Everybody who is measured has one address and may do what they like.
    Off,
}

impl Throttle {
    fn value(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// The real program, running in a process of its own.
pub struct App {
    child: Child,
    port: u16,
}

impl App {
    /// Starts the program on a free port.
    pub fn start(stores: &Stores, throttle: Throttle) -> Result<Self> {
        Self::start_with(stores, throttle, &[], Stdio::inherit())
    }

    /// The same with other settings, and its log elsewhere.
    pub fn start_with(
        stores: &Stores,
        throttle: Throttle,
        vars: &[(&str, &str)],
        log: Stdio,
    ) -> Result<Self> {
        let port = free_port()?;
        let child = program(stores)
            .env("THROTTLE", throttle.value())
            .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
            .env("BASE_URL", format!("http://127.0.0.1:{port}"))
            .envs(vars.iter().copied())
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, port })
    }

    /// The address and process id.
    pub fn server(&self) -> Result<Server> {
        let pid = self.child.id().context("the application has stopped")?;
        Ok(Server { port: self.port, pid, cookie: |user| &user.cookie })
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.server()?.pid.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// The real program, configured for these stores.
fn program(stores: &Stores) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command
        .env_clear()
        .env("DATABASE_URL", stores.postgres_url.as_str())
        .env("REDIS_URL", stores.redis_url.as_str())
        .env("SESSION_SECRET", "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2")
        .env("SESSION_LIMIT", "0")
        .env("STORE_TIMEOUT", "2s")
        .env("RUST_LOG", "warn")
        .current_dir(stores.directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a command of the program to its end and returns its output.
pub async fn run_command(stores: &Stores, arguments: &[&str]) -> Result<String> {
    let output = program(stores).args(arguments).stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "gatehouse {arguments:?}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Waits until the server responds to `path` with 200.
pub async fn wait_until_ready(server: Server, path: &str, cookie: &str) -> Result<()> {
    let start = Instant::now();
    loop {
        let status = async {
            Ok::<_, anyhow::Error>(Connection::open(server.port).await?.get(path, cookie).await?.status)
        };
        match status.await {
            Ok(200) => return Ok(()),
            status if start.elapsed() > START_TIMEOUT => bail!("no response to {path}: {status:?}"),
            _ => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

/// Makes an administrator: people can register only on a site that has one.
async fn make_administrator(stores: &Stores) -> Result<()> {
    let who = ["--email", "admin@example.org", "--name", "Administrator", "--role", "admin"];
    let mut command = program(stores);
    command
        .args(["user", "create", "--password-stdin"])
        .args(who)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(PASSWORD.as_bytes()).await?;
    drop(input);
    let status = child.wait().await?;
    ensure!(status.success(), "gatehouse user create: {status}");
    Ok(())
}

/// Registers `count` users with the same form that a browser sends, and keeps the cookie of each. So many of them as `remembered`
/// says sign in once more with "remember me": they come second, with that session's cookie.
async fn register_users(server: Server, count: usize, remembered: usize) -> Result<(Vec<User>, Vec<User>)> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..REGISTERING_CLIENTS {
        let next = Arc::clone(&next);
        clients.spawn(async move {
            let mut connection = Connection::open(server.port).await?;
            let (mut users, mut with_remembered) = (Vec::new(), Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, anyhow::Error>((users, with_remembered));
                }
                let user = register_user(&mut connection, number).await?;
                if number < remembered {
                    with_remembered.push(remember_user(&mut connection, &user).await?);
                }
                users.push(user);
                if number % 1_000 == 999 {
                    eprintln!("· {} of {count} users", number + 1);
                }
            }
        });
    }
    let (mut users, mut with_remembered) = (Vec::new(), Vec::new());
    while let Some(registered) = clients.join_next().await {
        let (plain, remembered) = registered??;
        users.extend(plain);
        with_remembered.extend(remembered);
    }
    Ok((users, with_remembered))
}

async fn register_user(connection: &mut Connection, number: usize) -> Result<User> {
    // All have the same length: the limit server sends the response recorded for one user with another user's address.
    let email = format!("visitor{number:06}@example.org");
    let name = format!("Visitor {number:06}");
    let fields = [
        ("name", name.as_str()),
        ("email", &email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    let (cookie, browser_cookie) = cookies_from(connection, "/register", "", &fields).await?;
    Ok(User { name, email, cookie, browser_cookie, limit_cookie: String::new(), axum_cookie: String::new() })
}

/// Signs in a user with "remember me". The session that the user has goes on.
async fn remember_user(connection: &mut Connection, user: &User) -> Result<User> {
    let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("remember", "on"), ("next", "")];
    let (cookie, _) = cookies_from(connection, "/login", &user.browser_cookie, &fields).await?;
    Ok(User { cookie, ..user.clone() })
}

/// Posts a form that begins a session, and returns the session's and the browser's cookie, each as `name=value`.
async fn cookies_from(
    connection: &mut Connection,
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
) -> Result<(String, String)> {
    let mut response = connection.post_with_cookie(path, cookie, fields).await?;
    // Users register before anything is measured: on a busy machine too many of them may wait for their passwords to be hashed.
    for _ in 0..MAX_RETRIES {
        if response.status != 503 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        response = connection.post_with_cookie(path, cookie, fields).await?;
    }
    let session = response.cookie(COOKIE).filter(|_| response.status == 303);
    let session = session.ok_or_else(|| response.unexpected(&format!("a session from {path}")))?;
    let browser = response.cookie(BROWSER_COOKIE).unwrap_or_default();
    Ok((format!("{COOKIE}={session}"), format!("{BROWSER_COOKIE}={browser}")))
}

/// What the application costs without load.
pub struct IdleCost {
    /// From starting the program to the correct response to a gated page, on an existing database.
    pub start: Duration,
    /// Resident memory in MiB, a second after that.
    pub memory: f64,
    /// Bytes of Redis memory per session.
    pub redis: f64,
}

/// The running application and the users who registered with it.
pub struct Prepared {
    pub app: App,
    pub users: Vec<User>,
    /// Some of them, with a session with "remember me".
    pub remembered: Vec<User>,
    pub idle_cost: IdleCost,
}

/// Starts the application, registers users, and restarts it on the database that then exists. So many users as `remembered` says get
/// a second session, with "remember me".
pub async fn prepare(
    stores: &Stores,
    count: usize,
    remembered: usize,
    throttle: Throttle,
) -> Result<Prepared> {
    let before = stores.redis_memory().await?;
    make_administrator(stores).await?;
    let app = App::start(stores, Throttle::Off)?;
    wait_until_ready(app.server()?, "/readyz", "").await?;
    let (mut users, mut remembered) = register_users(app.server()?, count, remembered).await?;
    app.stop().await?;
    let sessions = users.len() + remembered.len();
    let redis = (stores.redis_memory().await? - before) / sessions as f64;
    stores.set_limit_cookies(&mut users, &mut remembered).await?;
    let cookie = &users.first().context("no users")?.cookie;
    let start = Instant::now();
    let app = App::start(stores, throttle)?;
    wait_until_ready(app.server()?, "/profile", cookie).await?;
    let start = start.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let memory = stats::memory(app.server()?.pid, "VmRSS")?;
    Ok(Prepared { app, users, remembered, idle_cost: IdleCost { start, memory, redis } })
}
