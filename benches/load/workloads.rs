//! W1 to W3, W5 and W6: the same load on the application, the limit server and the axum stack, in alternating rounds.

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
    stats::{self, StoreProcesses, measure},
    table::{self, Goals, Row},
};

/// Clients that read pages in W1, W5 and W6.
pub const READERS: usize = 32;
/// Clients that read pages in W3 and W3-calm, and how long each of them waits between two requests.
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

/// The servers, ready for load.
pub struct Bench {
    pub app: Server,
    pub limit: Server,
    /// The axum stack, unless it is left out.
    pub axum: Option<Server>,
    pub stores: StoreProcesses,
    pub users: Arc<[User]>,
    /// Some of the users, with sessions with "remember me".
    pub remembered: Arc<[User]>,
    pub size: Size,
}

/// What is said of a workload.
struct Workload {
    name: &'static str,
    title: String,
    memory: Memory,
    goals: Goals,
}

/// Which memory of the servers is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    AfterRounds,
    PeakInRounds,
}

impl Memory {
    /// The line of `/proc/…/status`.
    fn line(self) -> &'static str {
        match self {
            Self::AfterRounds => "VmRSS",
            Self::PeakInRounds => "VmHWM",
        }
    }
}

impl Bench {
    /// W1: all clients read pages, first with plain sessions and then with remembered ones.
    pub async fn gated_page(&self) -> Result<()> {
        let goals = [">= 0.7", "<= 1.4", "<= 1", "", "", "<= 1.5", "<= 40 MiB"];
        for (kind, users) in [("plain", &self.users), ("remembered", &self.remembered)] {
            let title = format!("gated page, {kind} sessions, {READERS} connections");
            let workload = Workload { name: "W1", title, memory: Memory::AfterRounds, goals };
            let load =
                |server| async move { all(self.readers(Page::Profile, server, users, READERS, None)).await };
            self.run(workload, self.with_axum(), load).await?;
        }
        Ok(())
    }

    /// W5 and W6: all clients make the same call.
    pub async fn call(&self, name: &'static str, page: Page) -> Result<()> {
        let title = format!("`GET {}`, {READERS} connections", page.path());
        let goals = ["", "<= 1.3", "", "", "", "", ""];
        let workload = Workload { name, title, memory: Memory::AfterRounds, goals };
        let load = |server| async move { all(self.readers(page, server, &self.users, READERS, None)).await };
        self.run(workload, self.without_axum(), load).await
    }

    /// W2: all clients sign in.
    pub async fn sign_in(&self) -> Result<()> {
        let title = format!("sign-in, {SIGNING_IN} clients");
        let goals = [">= 0.95", "", "<= 0.8 CPU-s", "", "", "", "<= 120 MiB"];
        let workload = Workload { name: "W2", title, memory: Memory::PeakInRounds, goals };
        let load = |server| async move { all(self.signing_in(server)).await };
        self.run(workload, self.with_axum(), load).await
    }

    /// W3-calm: some clients read pages, each with pauses.
    pub async fn calm(&self) -> Result<()> {
        let title = format!("the page alone, {PACED_READERS} calm readers");
        let goals = ["", "", "", "", "<= 1.2", "<= 1.2", ""];
        let workload = Workload { name: "W3-calm", title, memory: Memory::AfterRounds, goals };
        let load = |server| async move { all(self.calm_readers(server)).await };
        self.run(workload, self.with_axum(), load).await
    }

    /// W3: the same while others sign in. The table shows the latencies of the readers.
    pub async fn storm(&self) -> Result<()> {
        let title = format!("the page while {SIGNING_IN} clients sign in, {PACED_READERS} calm readers");
        let goals = ["", "", "", "", "", "<= 1.2", "<= 120 MiB"];
        let workload = Workload { name: "W3", title, memory: Memory::PeakInRounds, goals };
        let load = |server| async move {
            let (readers, signing_in) = (self.calm_readers(server), self.signing_in(server));
            let (latencies, _) = tokio::try_join!(all(readers), all(signing_in))?;
            Ok(latencies)
        };
        self.run(workload, self.with_axum(), load).await
    }

    /// The servers that answer every call.
    fn without_axum(&self) -> Vec<Row> {
        vec![Row::new("Gatehouse", self.app), Row::new("limit", self.limit)]
    }

    /// The same and the axum stack, which has the page and the sign-in alone.
    fn with_axum(&self) -> Vec<Row> {
        let mut rows = self.without_axum();
        rows.extend(self.axum.map(|server| Row::new("axum stack", server)));
        rows
    }

    /// Runs the rounds, each on one server after the other, and prints the table. The first is a warm-up and not counted.
    async fn run<F: Future<Output = Result<Vec<Duration>>>>(
        &self,
        workload: Workload,
        mut rows: Vec<Row>,
        load: impl Fn(Server) -> F,
    ) -> Result<()> {
        let Workload { name, title, memory, goals } = workload;
        if memory == Memory::PeakInRounds {
            rows.iter().try_for_each(|row| stats::reset_peak_memory(row.server.pid))?;
        }
        for number in 0..=self.size.rounds {
            for row in &mut rows {
                let round = measure(row.server, self.stores, load(row.server)).await?;
                eprintln!("· {name} round {number}: {:.0}/s, {}", round.per_second, row.name);
                if number > 0 {
                    row.rounds.push(round);
                }
            }
        }
        for row in &mut rows {
            row.memory = stats::memory(row.server.pid, memory.line())?;
        }
        println!("\n### {name} {title}\n");
        table::print(&rows, goals);
        Ok(())
    }

    /// Starts clients that read a page until the end of the round.
    fn readers(
        &self,
        page: Page,
        server: Server,
        users: &Arc<[User]>,
        count: usize,
        pause: Option<Duration>,
    ) -> JoinSet<Result<Vec<Duration>>> {
        load::readers(page, server, users, count, pause, None, Instant::now() + self.size.seconds)
    }

    /// Starts the clients that pause.
    fn calm_readers(&self, server: Server) -> JoinSet<Result<Vec<Duration>>> {
        self.readers(Page::Profile, server, &self.users, PACED_READERS, Some(PACE))
    }

    /// Starts clients that sign in until the end of the round.
    fn signing_in(&self, server: Server) -> JoinSet<Result<Vec<Duration>>> {
        let end = Instant::now() + self.size.seconds;
        (0..SIGNING_IN).map(|seed| load::sign_in(server, Arc::clone(&self.users), seed, end)).collect()
    }
}
