//! The scene: a fresh database and an empty Redis, the application on them, and people who registered.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};
use tokio_postgres::NoTls;
use url::Url;

use crate::{PASSWORD, Server, User, client::Connection, stats};

/// The session cookie's name over plain http.
pub const COOKIE: &str = "gatehouse";

/// Clients that register at the same time.
const REGISTERING: usize = 8;

const START: Duration = Duration::from_secs(30);

/// Where application and limit server keep what they know.
pub struct Scene {
    /// The database, made for this run.
    pub postgres: Url,
    /// The Redis database, empty before this run.
    pub redis: Url,
    /// A folder for files; also where the application runs, so that no `.env` is found.
    pub folder: TempDir,
    admin: Url,
}

impl Scene {
    /// Makes them on the servers of `TEST_POSTGRES_URL` and `TEST_REDIS_URL`.
    pub async fn new() -> Result<Self> {
        let admin = server_url("TEST_POSTGRES_URL")?;
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("gatehouse_bench_{}_{number}", std::process::id());
        postgres(&admin).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        let mut url = admin.clone();
        url.set_path(&name);
        let redis = empty_redis(server_url("TEST_REDIS_URL")?).await?;
        Ok(Self { postgres: url, redis, folder: tempfile::tempdir()?, admin })
    }

    /// Takes them away again.
    pub async fn remove(self) -> Result<()> {
        redis::cmd("FLUSHDB").query_async::<()>(&mut self.redis().await?).await?;
        let name = self.postgres.path().trim_start_matches('/');
        let admin = postgres(&self.admin).await?;
        Ok(admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?)
    }

    /// A connection to the Redis database.
    pub async fn redis(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(self.redis.as_str())?;
        Ok(client.get_multiplexed_async_connection().await?)
    }

    /// Bytes that Redis has in use.
    pub async fn redis_memory(&self) -> Result<f64> {
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut self.redis().await?).await?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.context("INFO has no used_memory")?.trim().parse()?)
    }

    /// Looks up where each user's session is in the store: the limit server's cookies hold that.
    pub async fn find_store_keys(&self, users: &mut [User]) -> Result<()> {
        let client = postgres(&self.postgres).await?;
        // What autovacuum would do on a site that is a few minutes old, and some time into the rounds.
        client.batch_execute("VACUUM ANALYZE").await?;
        let query = "SELECT u.email, s.store_key FROM sessions s JOIN users u ON u.id = s.user_id";
        let rows = client.query(query, &[]).await?;
        let keys: std::collections::HashMap<&str, &str> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        for user in users {
            let key = keys.get(user.email.as_str()).context("a user without a session")?;
            user.limit_cookie = format!("{COOKIE}={key}");
        }
        Ok(())
    }
}

fn server_url(variable: &str) -> Result<Url> {
    let text =
        std::env::var(variable).with_context(|| format!("{variable} is missing; see scripts/bench"))?;
    Ok(Url::parse(&text)?)
}

/// A connection to Postgres.
pub async fn postgres(url: &Url) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The first Redis database that holds nothing.
async fn empty_redis(mut url: Url) -> Result<Url> {
    for number in 0..16 {
        url.set_path(&number.to_string());
        let mut connection = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
        if redis::cmd("DBSIZE").query_async::<u64>(&mut connection).await? == 0 {
            return Ok(url);
        }
    }
    bail!("none of the first 16 databases of TEST_REDIS_URL is empty")
}

/// The application as its users start it.
pub struct App {
    child: Child,
    port: u16,
}

impl App {
    /// Starts the real program.
    pub fn start(scene: &Scene) -> Result<Self> {
        let port = free_port()?;
        let child = program(scene)
            .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
            .env("BASE_URL", format!("http://127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, port })
    }

    /// How to reach it.
    pub fn server(&self) -> Result<Server> {
        let pid = self.child.id().context("the application has stopped")?;
        Ok(Server { port: self.port, pid, cookie: |user| &user.cookie })
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.server()?.pid.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// The real program with the settings of a scene.
fn program(scene: &Scene) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command
        .env_clear()
        .env("DATABASE_URL", scene.postgres.as_str())
        .env("REDIS_URL", scene.redis.as_str())
        .env("SESSION_SECRET", "ab".repeat(64))
        .env("THROTTLE", "off")
        .env("STORE_TIMEOUT", "2s")
        .env("RUST_LOG", "warn")
        .current_dir(scene.folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a command of the program to its end; the result is what it printed.
pub async fn command(scene: &Scene, arguments: &[&str]) -> Result<String> {
    let output = program(scene).args(arguments).stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "gatehouse {arguments:?}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until the server answers `path` with 200; the result is how long that took.
pub async fn answers(server: Server, path: &str, cookie: &str) -> Result<Duration> {
    let start = Instant::now();
    loop {
        let answered = async {
            Ok::<_, anyhow::Error>(Connection::open(server.port).await?.get(path, cookie).await?.status)
        };
        match answered.await {
            Ok(200) => return Ok(start.elapsed()),
            answer if start.elapsed() > START => bail!("{path} is not answered: {answer:?}"),
            _ => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

/// Registers so many users over the form that people use, and keeps the cookie of each.
pub async fn register(server: Server, count: usize) -> Result<Vec<User>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..REGISTERING {
        let next = Arc::clone(&next);
        clients.spawn(async move {
            let mut connection = Connection::open(server.port).await?;
            let mut users = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, anyhow::Error>(users);
                }
                users.push(register_one(&mut connection, number).await?);
                if number % 1_000 == 999 {
                    eprintln!("· {} of {count} users", number + 1);
                }
            }
        });
    }
    let mut users = Vec::new();
    while let Some(registered) = clients.join_next().await {
        users.extend(registered??);
    }
    Ok(users)
}

async fn register_one(connection: &mut Connection, number: usize) -> Result<User> {
    // The same length for all: answers of the limit server are those of one user with another's address.
    let email = format!("visitor{number:06}@example.org");
    let name = format!("Visitor {number:06}");
    let fields = [
        ("name", name.as_str()),
        ("email", &email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    let answer = connection.post("/register", &fields).await?;
    match answer.cookie(COOKIE) {
        Some(value) if answer.status == 303 => {
            Ok(User { cookie: format!("{COOKIE}={value}"), limit_cookie: String::new(), email })
        }
        _ => Err(answer.wrong("a registration")),
    }
}

/// What the application costs before anybody asks for anything.
pub struct Standing {
    /// From starting the program to the right answer to a gated page, on an existing database.
    pub start: Duration,
    /// Resident MiB a second later.
    pub idle: f64,
    /// Bytes of Redis per session.
    pub redis: f64,
}

/// Starts the application, lets users register, and starts it anew on what they left.
pub async fn prepare(scene: &Scene, count: usize) -> Result<(App, Vec<User>, Standing)> {
    let before = scene.redis_memory().await?;
    let app = App::start(scene)?;
    answers(app.server()?, "/readyz", "").await?;
    let mut users = register(app.server()?, count).await?;
    app.stop().await?;
    let redis = (scene.redis_memory().await? - before) / count as f64;
    scene.find_store_keys(&mut users).await?;
    let cookie = &users.first().context("no users")?.cookie;
    let start = Instant::now();
    let app = App::start(scene)?;
    answers(app.server()?, "/profile", cookie).await?;
    let start = start.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = stats::memory(app.server()?.pid, "VmRSS")?;
    Ok((app, users, Standing { start, idle, redis }))
}
