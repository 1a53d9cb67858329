//! Load on the application as its users start it, next to the least that could give the same answers.
//! `docs/performance.md` says what is measured and how; `scripts/bench` runs it.

mod app;
mod client;
mod limit;
mod roll;
mod stats;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use app::{App, Scene, Standing};
use stats::{Round, Rounds};
use tokio::task::JoinSet;

/// Everybody's.
const PASSWORD: &str = "violet-harbor-93-lantern";

const READERS: usize = 32;
const CALM_READERS: usize = 16;
const CALM_PAUSE: Duration = Duration::from_millis(10);
const SIGNING_IN: usize = 8;

/// Somebody who registered.
struct User {
    email: String,
    /// `name=value`, as the application set it.
    cookie: String,
    /// The same for the limit server: it holds the key of the session in the store.
    limit_cookie: String,
}

/// One of the two servers.
#[derive(Clone, Copy)]
struct Server {
    port: u16,
    pid: u32,
    cookie: fn(&User) -> &str,
}

/// How much is measured; `BENCH_USERS`, `BENCH_ROUNDS` and `BENCH_SECONDS` change it.
struct Size {
    users: usize,
    rounds: usize,
    seconds: Duration,
}

impl Size {
    fn read() -> Result<Self> {
        let number = |name: &str, default: usize| -> Result<usize> {
            let number = std::env::var(name).ok().map_or(Ok(default), |text| text.parse())?;
            ensure!(number > 0, "{name} has to be at least 1");
            Ok(number)
        };
        Ok(Self {
            users: number("BENCH_USERS", 10_000)?,
            rounds: number("BENCH_ROUNDS", 5)?,
            seconds: Duration::from_secs(number("BENCH_SECONDS", 4)? as u64),
        })
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "limit" => actix_web::rt::System::new().block_on(limit::serve(rest)),
        _ => {
            // Cargo adds an option of its own.
            let works: Vec<String> = arguments.into_iter().filter(|word| !word.starts_with('-')).collect();
            let unknown = works.iter().find(|work| !matches!(work.as_str(), "W1" | "W2" | "W3" | "roll"));
            ensure!(unknown.is_none(), "the works are W1, W2, W3 and roll, not {unknown:?}");
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&works))
        }
    }
}

async fn run(works: &[String]) -> Result<()> {
    let wanted = |work: &str| works.is_empty() || works.iter().any(|wanted| wanted == work);
    let size = Size::read()?;
    if works.iter().any(|work| work == "roll") {
        roll::run(size.rounds).await?;
        if works.len() == 1 {
            return Ok(());
        }
    }
    let scene = Scene::new().await?;
    let measured = async {
        let (app, users, standing) = app::prepare(&scene, size.users).await?;
        let (mut limit_process, limit) = limit::start(&scene, app.server()?, &users[0]).await?;
        let bench = Bench { app: app.server()?, limit, users: users.into(), size };
        eprintln!("· application {}, limit server {}", bench.app.pid, limit.pid);
        println!(
            "{} users, {} rounds of {} s each",
            bench.size.users,
            bench.size.rounds,
            bench.size.seconds.as_secs()
        );
        if wanted("W1") {
            bench.gated_page().await?;
        }
        if wanted("W2") {
            bench.sign_in().await?;
        }
        if wanted("W3") {
            bench.storm().await?;
        }
        print_standing(&standing);
        limit_process.kill().await?;
        App::stop(app).await
    };
    let measured = measured.await;
    scene.remove().await?;
    measured
}

struct Bench {
    app: Server,
    limit: Server,
    users: Arc<[User]>,
    size: Size,
}

impl Bench {
    /// Rounds of both servers in turn, after one of each that isn't counted.
    async fn rounds<F: Future<Output = Result<Round>>>(
        &self,
        work: &str,
        round: impl Fn(Server) -> F,
    ) -> Result<Rounds> {
        let mut rounds = Rounds::default();
        for number in 0..=self.size.rounds {
            let (app, limit) = (round(self.app).await?, round(self.limit).await?);
            eprintln!("· {work} round {number}: {:.0}/s, limit {:.0}/s", app.per_second, limit.per_second);
            if number > 0 {
                rounds.app.push(app);
                rounds.limit.push(limit);
            }
        }
        Ok(rounds)
    }

    fn readers(
        &self,
        server: Server,
        count: usize,
        pause: Option<Duration>,
    ) -> JoinSet<Result<Vec<Duration>>> {
        let end = Instant::now() + self.size.seconds;
        let reader = |seed| client::read_pages(server, Arc::clone(&self.users), seed, end, pause);
        (0..count).map(reader).collect()
    }

    fn signing_in(&self, server: Server) -> JoinSet<Result<Vec<Duration>>> {
        let end = Instant::now() + self.size.seconds;
        (0..SIGNING_IN).map(|seed| client::sign_in(server, Arc::clone(&self.users), seed, end)).collect()
    }

    /// W1: everybody looks at the profile.
    async fn gated_page(&self) -> Result<()> {
        let round = async |server: Server| {
            let (start, cpu) = (Instant::now(), stats::cpu_seconds(server.pid)?);
            let latencies = all(self.readers(server, READERS, None)).await?;
            Round::new(latencies, start.elapsed(), stats::cpu_seconds(server.pid)? - cpu)
        };
        let rounds = self.rounds("W1", round).await?;
        let rss = [stats::memory(self.app.pid, "VmRSS")?, stats::memory(self.limit.pid, "VmRSS")?];
        println!("\n### W1 gated page, {READERS} connections\n");
        print_table(&rounds, rss, ["", "<= 1.4", "", "<= 2", ""]);
        Ok(())
    }

    /// W2: nothing but sign-ins.
    async fn sign_in(&self) -> Result<()> {
        self.forget_highest_memory()?;
        let round = async |server: Server| {
            let (start, cpu) = (Instant::now(), stats::cpu_seconds(server.pid)?);
            let latencies = all(self.signing_in(server)).await?;
            Round::new(latencies, start.elapsed(), stats::cpu_seconds(server.pid)? - cpu)
        };
        let rounds = self.rounds("W2", round).await?;
        println!("\n### W2 sign-in, {SIGNING_IN} clients\n");
        print_table(&rounds, self.highest_memory()?, [">= 0.95", "", "", "", "<= 120 MiB"]);
        Ok(())
    }

    /// W3: what readers notice of the sign-ins of others. The table is that of the readers.
    async fn storm(&self) -> Result<()> {
        self.forget_highest_memory()?;
        let round = async |server: Server| {
            let (start, cpu) = (Instant::now(), stats::cpu_seconds(server.pid)?);
            let readers = all(self.readers(server, CALM_READERS, Some(CALM_PAUSE)));
            let (latencies, _) = tokio::try_join!(readers, all(self.signing_in(server)))?;
            Round::new(latencies, start.elapsed(), stats::cpu_seconds(server.pid)? - cpu)
        };
        let rounds = self.rounds("W3", round).await?;
        println!("\n### W3 the page while {SIGNING_IN} clients sign in, {CALM_READERS} calm readers\n");
        print_table(&rounds, self.highest_memory()?, ["", "", "", "<= 1.5", "<= 120 MiB"]);
        Ok(())
    }

    fn forget_highest_memory(&self) -> Result<()> {
        stats::forget_highest_memory(self.app.pid)?;
        stats::forget_highest_memory(self.limit.pid)
    }

    fn highest_memory(&self) -> Result<[f64; 2]> {
        Ok([stats::memory(self.app.pid, "VmHWM")?, stats::memory(self.limit.pid, "VmHWM")?])
    }
}

/// All latencies of all clients; the first wrong answer ends the run.
async fn all(mut clients: JoinSet<Result<Vec<Duration>>>) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while let Some(done) = clients.join_next().await {
        latencies.extend(done??);
    }
    Ok(latencies)
}

fn print_table(rounds: &Rounds, rss: [f64; 2], goals: [&str; 5]) {
    let (rate, cpu) = (rounds.medians(|round| round.per_second), rounds.medians(|round| round.cpu));
    let (p50, p99) = (rounds.medians(|round| round.p50), rounds.medians(|round| round.p99));
    println!("| | per s | CPU-s / 1000 | p50 ms | p99 ms | RSS MiB |\n|---|---|---|---|---|---|");
    let line = |name, rate, cpu, p50, p99, rss| {
        println!("| {name} | {rate:.0} | {cpu:.4} | {p50:.2} | {p99:.2} | {rss:.0} |");
    };
    line("Gatehouse", rate.0, cpu.0, p50.0, p99.0, rss[0]);
    line("limit", rate.1, cpu.1, p50.1, p99.1, rss[1]);
    println!(
        "| ratio | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
        rate.2,
        cpu.2,
        p50.2,
        p99.2,
        rss[0] / rss[1]
    );
    let [rate, cpu, p50, p99, rss] = goals;
    println!("| goal | {rate} | {cpu} | {p50} | {p99} | {rss} |");
}

fn print_standing(standing: &Standing) {
    let Standing { start, idle, redis } = standing;
    println!("\n### Start and memory\n\n| | measured | goal |\n|---|---|---|");
    println!("| start to the first gated page | {:.0} ms | <= 1000 ms |", start.as_secs_f64() * 1_000.0);
    println!("| RSS idle | {idle:.0} MiB | <= 40 MiB |");
    println!("| Redis per session | {redis:.0} bytes | <= 1024 bytes |");
}
