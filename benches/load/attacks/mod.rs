//! What others see while one client attacks. Each attack comes from another address of this machine, on a thread of its own, and
//! lasts as long as a round.

mod attackers;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use self::attackers::{ATTACKS, Attack, Attackers};
use crate::{
    app::{self, App, Prepared, Throttle},
    client::Connection,
    server::{COOKIE, PASSWORD, Server, User},
    stats,
    stores::Stores,
};

/// People who are signed in and read `/profile`.
const READERS: usize = 4;

/// How long each of them waits between two requests.
const PACE: Duration = Duration::from_millis(20);

/// How long the server may take to be itself again after an attack.
const RECOVERY: Duration = Duration::from_secs(30);

/// What one person waited for, and how often in vain.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    failed: usize,
}

/// Runs all attacks, each for `seconds`, and prints what others saw.
pub async fn run(stores: &Stores, seconds: Duration) -> Result<()> {
    let Prepared { app, users, .. } = app::prepare(stores, READERS + 1, 0, Throttle::Off).await?;
    let users = Arc::from(users);
    println!("\n### Attacks from one address, {} s each, and what others see meanwhile\n", seconds.as_secs());
    println!(
        "| attack | `/profile` p50 ms | p99 ms | longest ms | failed | sign-in longest ms | failed | RSS + MiB |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for attack in ATTACKS {
        one(app.server()?, &users, attack, seconds).await?;
    }
    app.stop().await?;
    let app = App::start(stores, Throttle::On)?;
    app::wait_until_ready(app.server()?, "/readyz", "").await?;
    println!("| *with the limits on guessing:* |");
    for attack in [Attack::None, Attack::WrongSignIns] {
        one(app.server()?, &users, attack, seconds).await?;
    }
    println!("| goal | | <= 100 | | 0 | | | <= 64 |");
    app.stop().await
}

async fn one(server: Server, users: &Arc<[User]>, attack: Attack, length: Duration) -> Result<()> {
    let before = stats::memory(server.pid, "VmRSS")?;
    stats::reset_peak_memory(server.pid)?;
    let attackers = Attackers::start(server.port, attack)?;
    let end = Instant::now() + length;
    let mut readers = JoinSet::new();
    for user in 0..READERS {
        readers.spawn(read(server, Arc::clone(users), user, end));
    }
    let signing_in = tokio::spawn(sign_in(server, Arc::clone(users), end));
    let mut pages = Seen::default();
    while let Some(seen) = readers.join_next().await {
        let seen = seen?;
        pages.latencies.extend(seen.latencies);
        pages.failed += seen.failed;
    }
    let mut sign_ins = signing_in.await?;
    attackers.stop();
    let grown = stats::memory(server.pid, "VmHWM")? - before;
    let ([p50, p99, longest], [.., sign_in]) = (pages.figures()?, sign_ins.figures()?);
    println!(
        "| {attack} | {p50:.1} | {p99:.1} | {longest:.0} | {} | {sign_in:.0} | {} | {grown:.0} |",
        pages.failed, sign_ins.failed
    );
    recover(server, users).await
}

/// Waits until a page and a sign-in are answered at once.
async fn recover(server: Server, users: &Arc<[User]>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < RECOVERY {
        let asked = Instant::now();
        let answered = page(server, &users[0]).await && signed_in(server, &users[READERS]).await;
        if answered && asked.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the server has not recovered from the attack")
}

impl Seen {
    fn note(&mut self, start: Instant, was_answered: bool) {
        self.latencies.push(start.elapsed());
        self.failed += usize::from(!was_answered);
    }

    /// Median, 99th percentile and maximum, in milliseconds.
    fn figures(&mut self) -> Result<[f64; 3]> {
        self.latencies.sort_unstable();
        let figure = |percent| stats::percentile(&self.latencies, percent);
        Ok([figure(50)?, figure(99)?, figure(100)?])
    }
}

async fn read(server: Server, users: Arc<[User]>, user: usize, end: Instant) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end {
        let start = Instant::now();
        seen.note(start, page(server, &users[user]).await);
        tokio::time::sleep(PACE).await;
    }
    seen
}

async fn sign_in(server: Server, users: Arc<[User]>, end: Instant) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end {
        let start = Instant::now();
        seen.note(start, signed_in(server, &users[READERS]).await);
        tokio::time::sleep(10 * PACE).await;
    }
    seen
}

/// Whether a new connection gets the user's page.
async fn page(server: Server, user: &User) -> bool {
    let answered = async {
        let mut connection = Connection::open(server.port).await?;
        let response = connection.get("/profile", (server.cookie)(user)).await?;
        anyhow::Ok(response.status == 200 && response.contains(&user.email))
    };
    answered.await.unwrap_or(false)
}

/// Whether a new connection is signed in.
async fn signed_in(server: Server, user: &User) -> bool {
    let answered = async {
        let mut connection = Connection::open(server.port).await?;
        let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("next", "")];
        let response = connection.post("/login", &fields).await?;
        response.cookie(COOKIE).context("no cookie").map(|_| response.status == 303)
    };
    answered.await.unwrap_or(false)
}
