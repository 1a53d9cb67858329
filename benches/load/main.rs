//! Measures the application under load, as its users start it, against a limit server that does the least work which
//! could give the same responses, and beside a page and a sign-in made of other libraries. `docs/performance.md` says what is
//! measured and how; `scripts/bench` runs it.

#![expect(
    unreachable_pub,
    reason = "in a binary no item is reachable from outside; `pub` marks what other files use"
)]

mod admin_list;
mod app;
mod attacks;
mod axum_stack;
mod bound;
mod client;
mod coding;
mod costs;
mod limit;
mod load;
mod passwords;
mod scale;
mod server;
mod stats;
mod stores;
mod streams;
mod table;
mod workloads;

use std::time::Duration;

use anyhow::{Result, ensure};
use app::{IdleCost, Prepared, Throttle};
use load::Page;
use stores::Stores;
use workloads::{Bench, Size};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "limit" => actix_web::rt::System::new().block_on(limit::serve(rest)),
        _ => {
            // Options are Cargo's own, such as `--bench`.
            let workloads: Vec<String> =
                arguments.into_iter().filter(|word| !word.starts_with('-')).collect();
            let unknown = workloads
                .iter()
                .find(|name| !WITH_LIMIT.contains(&name.as_str()) && *name != PASSWORDS && !is_apart(name));
            ensure!(
                unknown.is_none(),
                "the works are {}, {PASSWORDS}, roll, streams, {ATTACKS}, {BOUND}, {COSTS} and {SCALE}, not {unknown:?}",
                WITH_LIMIT.join(", ")
            );
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&workloads))
        }
    }
}

/// Those that are compared with the limit server. `W3` is `W3-calm` too.
const WITH_LIMIT: [&str; 6] = ["W1", "W2", "W3", "W3-calm", "W5", "W6"];

/// The one that needs no server.
const PASSWORDS: &str = "passwords";

/// What others see while one client attacks.
const ATTACKS: &str = "attacks";

/// What compression and the log of requests cost.
const COSTS: &str = "costs";

/// What it costs that sessions are bound to their devices.
const BOUND: &str = "bound";

/// What sessions weigh in the stores, and what is asked of them.
const SCALE: &str = "scale";

/// W7: open pages, by both of its names.
fn is_streams(workload: &str) -> bool {
    matches!(workload, "streams" | "W7")
}

/// W4, which runs only when it is named.
fn is_admin_list(workload: &str) -> bool {
    matches!(workload, "roll" | "W4")
}

/// The ones that run only when they are named.
fn is_apart(workload: &str) -> bool {
    is_admin_list(workload) || is_streams(workload) || [ATTACKS, BOUND, COSTS, SCALE].contains(&workload)
}

async fn run(workloads: &[String]) -> Result<()> {
    let size = size_from_env()?;
    if workloads.is_empty() || workloads.iter().any(|name| name == PASSWORDS) {
        passwords::run(number_from_env("BENCH_PASSWORDS", 10_000)?)?;
        if workloads.iter().all(|name| name == PASSWORDS) && !workloads.is_empty() {
            return Ok(());
        }
    }
    if workloads.iter().any(|name| is_admin_list(name)) {
        admin_list::run(size.rounds).await?;
    }
    if workloads.iter().any(|name| name == ATTACKS) {
        let stores = Stores::create().await?;
        let measured = attacks::run(&stores, size.seconds).await;
        stores.remove().await?;
        measured?;
    }
    if workloads.iter().any(|name| name == BOUND) {
        let stores = Stores::create().await?;
        let measured = bound::run(&stores, &size).await;
        stores.remove().await?;
        measured?;
    }
    if workloads.iter().any(|name| name == SCALE) {
        scale::run().await?;
    }
    if workloads.iter().any(|name| is_streams(name)) {
        let stores = Stores::create().await?;
        let measured = streams::run(&stores, size.users).await;
        stores.remove().await?;
        measured?;
    }
    if workloads.iter().any(|name| name == COSTS) {
        let stores = Stores::create().await?;
        let measured = costs::run(&stores, &size).await;
        stores.remove().await?;
        measured?;
    }
    if !workloads.is_empty() && workloads.iter().all(|name| is_apart(name)) {
        return Ok(());
    }
    let stores = Stores::create().await?;
    let measured = run_with_limit(&stores, workloads, size).await;
    stores.remove().await?;
    measured
}

/// Prepares the servers and runs those that are compared with the limit server, or those of them that are named.
async fn run_with_limit(stores: &Stores, workloads: &[String], size: Size) -> Result<()> {
    let selected = |workload: &str| workloads.is_empty() || workloads.iter().any(|name| name == workload);
    let remembered = if selected("W1") { size.users.div_ceil(2) } else { 1 };
    let prepared = app::prepare(stores, size.users, remembered, Throttle::On).await?;
    let Prepared { app, mut users, mut remembered, idle_cost } = prepared;
    let (limit_process, limit) = limit::start(stores, app.server()?, &users[0], &remembered[0]).await?;
    let axum = axum_stack::start(stores, &mut users, &mut remembered).await?;
    let (axum_process, axum) = axum.unzip();
    let bench = Bench {
        app: app.server()?,
        limit,
        axum,
        stores: stores.processes,
        users: users.into(),
        remembered: remembered.into(),
        size,
    };
    eprintln!("· application {}, limit server {}", bench.app.pid, limit.pid);
    println!(
        "{} users, {} rounds of {} s each",
        bench.size.users,
        bench.size.rounds,
        bench.size.seconds.as_secs()
    );
    run_selected(&bench, selected).await?;
    print_idle_cost(&idle_cost);
    for mut process in axum_process.into_iter().chain([limit_process]) {
        process.kill().await?;
    }
    app.stop().await
}

async fn run_selected(bench: &Bench, selected: impl Fn(&str) -> bool) -> Result<()> {
    if selected("W1") {
        bench.gated_page().await?;
    }
    for (name, page) in [("W5", Page::Verify), ("W6", Page::Me)] {
        if selected(name) {
            bench.call(name, page).await?;
        }
    }
    if selected("W2") {
        bench.sign_in().await?;
    }
    if selected("W3") || selected("W3-calm") {
        bench.calm().await?;
    }
    if selected("W3") {
        bench.storm().await?;
    }
    Ok(())
}

fn size_from_env() -> Result<Size> {
    Ok(Size {
        users: number_from_env("BENCH_USERS", 10_000)?,
        rounds: number_from_env("BENCH_ROUNDS", 5)?,
        seconds: Duration::from_secs(number_from_env("BENCH_SECONDS", 4)? as u64),
    })
}

fn number_from_env(name: &str, default: usize) -> Result<usize> {
    let number = std::env::var(name).ok().map_or(Ok(default), |text| text.parse())?;
    ensure!(number > 0, "{name} has to be at least 1");
    Ok(number)
}

fn print_idle_cost(cost: &IdleCost) {
    let IdleCost { start, memory, redis } = cost;
    println!("\n### Start and memory\n\n| | measured | goal |\n|---|---|---|");
    println!("| start to the first gated page | {:.0} ms | <= 1000 ms |", start.as_secs_f64() * 1_000.0);
    println!("| RSS idle | {memory:.0} MiB | <= 20 MiB |");
    println!("| Redis per session | {redis:.0} bytes | <= 1024 bytes |");
}
