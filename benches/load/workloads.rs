//! W1 to W3, W5 and W6: the same load on the application and on the limit server, in alternating rounds.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::{
    load::{self, Page, all},
    server::{Server, User},
    stats::{self, Round, Rounds, measure},
};

/// Clients that read pages in W1, W5 and W6.
pub const READERS: usize = 32;
/// Clients that read pages in W3, and how long each of them waits between two requests.
const PACED_READERS: usize = 16;
const PACE: Duration = Duration::from_millis(10);
/// Clients that sign in, in W2 and W3.
const SIGNING_IN: usize = 8;

/// How much is measured; `BENCH_USERS`, `BENCH_ROUNDS` and `BENCH_SECONDS` change it.
pub struct Size {
    pub users: usize,
    pub rounds: usize,
    /// The length of a round for each server.
    pub seconds: Duration,
}

/// Both servers, ready for load.
pub struct Bench {
    pub app: Server,
    pub limit: Server,
    pub users: Arc<[User]>,
    pub size: Size,
}

impl Bench {
    /// W1: all clients read pages.
    pub async fn gated_page(&self) -> Result<()> {
        println!("\n### W1 gated page, {READERS} connections\n");
        self.read("W1", Page::Profile, ["", "<= 1.4", "", "<= 2", ""]).await
    }

    /// W5 and W6: all clients make the same call.
    pub async fn call(&self, workload: &str, page: Page) -> Result<()> {
        println!("\n### {workload} `GET {}`, {READERS} connections\n", page.path());
        self.read(workload, page, ["", "<= 1.3", "", "", ""]).await
    }

    async fn read(&self, workload: &str, page: Page, goals: [&str; 5]) -> Result<()> {
        let round = async |server| {
            let readers = async { all(self.readers(page, server, READERS, None)).await };
            measure(server, readers).await
        };
        let rounds = self.rounds(workload, round).await?;
        let rss = [stats::memory(self.app.pid, "VmRSS")?, stats::memory(self.limit.pid, "VmRSS")?];
        print_table(&rounds, rss, goals);
        Ok(())
    }

    /// W2: all clients sign in.
    pub async fn sign_in(&self) -> Result<()> {
        self.reset_peak_memory()?;
        let round = async |server| {
            let signing_in = async { all(self.signing_in(server)).await };
            measure(server, signing_in).await
        };
        let rounds = self.rounds("W2", round).await?;
        println!("\n### W2 sign-in, {SIGNING_IN} clients\n");
        print_table(&rounds, self.peak_memory()?, [">= 0.95", "", "", "", "<= 120 MiB"]);
        Ok(())
    }

    /// W3: some clients read pages while others sign in. The table shows the latencies of the readers.
    pub async fn storm(&self) -> Result<()> {
        self.reset_peak_memory()?;
        let round = async |server| {
            let both = async {
                let readers = all(self.readers(Page::Profile, server, PACED_READERS, Some(PACE)));
                let (latencies, _) = tokio::try_join!(readers, all(self.signing_in(server)))?;
                Ok(latencies)
            };
            measure(server, both).await
        };
        let rounds = self.rounds("W3", round).await?;
        println!("\n### W3 the page while {SIGNING_IN} clients sign in, {PACED_READERS} calm readers\n");
        print_table(&rounds, self.peak_memory()?, ["", "", "", "<= 1.5", "<= 120 MiB"]);
        Ok(())
    }

    /// Runs the rounds, each on the application and then on the limit server. The first is a warm-up and not counted.
    async fn rounds<F: Future<Output = Result<Round>>>(
        &self,
        workload: &str,
        round: impl Fn(Server) -> F,
    ) -> Result<Rounds> {
        let mut rounds = Rounds::default();
        for number in 0..=self.size.rounds {
            let (app, limit) = (round(self.app).await?, round(self.limit).await?);
            eprintln!(
                "· {workload} round {number}: {:.0}/s, limit {:.0}/s",
                app.per_second, limit.per_second
            );
            if number > 0 {
                rounds.app.push(app);
                rounds.limit.push(limit);
            }
        }
        Ok(rounds)
    }

    /// Starts clients that read a page until the end of the round.
    fn readers(
        &self,
        page: Page,
        server: Server,
        count: usize,
        pause: Option<Duration>,
    ) -> JoinSet<Result<Vec<Duration>>> {
        load::readers(page, server, &self.users, count, pause, None, Instant::now() + self.size.seconds)
    }

    /// Starts clients that sign in until the end of the round.
    fn signing_in(&self, server: Server) -> JoinSet<Result<Vec<Duration>>> {
        let end = Instant::now() + self.size.seconds;
        (0..SIGNING_IN).map(|seed| load::sign_in(server, Arc::clone(&self.users), seed, end)).collect()
    }

    fn reset_peak_memory(&self) -> Result<()> {
        stats::reset_peak_memory(self.app.pid)?;
        stats::reset_peak_memory(self.limit.pid)
    }

    fn peak_memory(&self) -> Result<[f64; 2]> {
        Ok([stats::memory(self.app.pid, "VmHWM")?, stats::memory(self.limit.pid, "VmHWM")?])
    }
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
