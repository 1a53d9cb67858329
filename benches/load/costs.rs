//! What compressed pages and the log of requests cost: W1 on one instance for each setting, on the same stores, in alternating rounds.

use std::{
    fs::File,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{
    app::{self, App, Prepared, Throttle},
    coding::Coding,
    load::{Page, all, readers},
    server::{Server, User},
    stats::{self, Round, measure, median},
    stores::Stores,
    workloads::{READERS, Size},
};

/// A way to run the application, and what its clients accept.
struct Setting {
    name: &'static str,
    vars: &'static [(&'static str, &'static str)],
    coding: Option<Coding>,
}

/// The first one is what the others are compared with.
const SETTINGS: [Setting; 5] = [
    Setting { name: "`COMPRESS=off`, no log of requests", vars: &[("COMPRESS", "off")], coding: None },
    Setting { name: "clients that ask for nothing", vars: &[], coding: None },
    Setting { name: "gzip", vars: &[], coding: Some(Coding::Gzip) },
    Setting {
        name: "log of requests, text",
        vars: &[("COMPRESS", "off"), ("RUST_LOG", "info")],
        coding: None,
    },
    Setting {
        name: "log of requests, JSON",
        vars: &[("COMPRESS", "off"), ("RUST_LOG", "info"), ("LOG_FORMAT", "json")],
        coding: None,
    },
];

/// An instance with a setting.
struct Instance {
    app: App,
    setting: &'static Setting,
    /// Bytes of the body of a page.
    bytes: usize,
    rounds: Vec<Round>,
}

/// Measures all settings and prints the table.
pub async fn run(stores: &Stores, size: &Size) -> Result<()> {
    let Prepared { app, users, .. } = app::prepare(stores, size.users, 0, Throttle::On).await?;
    app.stop().await?;
    let users: Arc<[User]> = users.into();
    let mut instances = Vec::new();
    for (number, setting) in SETTINGS.iter().enumerate() {
        let log = File::create(stores.directory.path().join(format!("{number}.log")))?;
        let app = App::start_with(stores, Throttle::On, setting.vars, log.into())?;
        let user = users.first().context("no users")?;
        app::wait_until_ready(app.server()?, Page::Profile.path(), &user.cookie).await?;
        let bytes = Page::Profile.bytes(app.server()?, user, setting.coding).await?;
        instances.push(Instance { app, setting, bytes, rounds: Vec::new() });
    }
    for number in 0..=size.rounds {
        for instance in &mut instances {
            let server = instance.app.server()?;
            let load = load(server, &users, instance.setting.coding, size.seconds);
            let round = measure(server, stores.processes, load).await?;
            eprintln!("· costs round {number}: {:.0}/s, {}", round.per_second, instance.setting.name);
            // The first is a warm-up.
            if number > 0 {
                instance.rounds.push(round);
            }
        }
    }
    print(&instances, size);
    for instance in instances {
        instance.app.stop().await?;
    }
    Ok(())
}

fn load(
    server: Server,
    users: &Arc<[User]>,
    coding: Option<Coding>,
    length: Duration,
) -> impl Future<Output = Result<Vec<Duration>>> {
    all(readers(Page::Profile, server, users, READERS, None, coding, Instant::now() + length))
}

fn print(instances: &[Instance], size: &Size) {
    println!("\n### What compression and the log of requests cost: W1, {READERS} connections\n");
    println!("{} users, {} rounds of {} s each\n", size.users, size.rounds, size.seconds.as_secs());
    println!("| | bytes | per s | CPU-s / 1000 | ratio | p50 ms | p99 ms | RSS MiB |");
    println!("|---|---|---|---|---|---|---|---|");
    let Some(base) = instances.first() else { return };
    for instance in instances {
        let of = |figure: fn(&Round) -> f64| median(instance.rounds.iter().map(figure));
        let pairs = instance.rounds.iter().zip(&base.rounds);
        println!(
            "| {} | {} | {:.0} | {:.4} | {:.2} | {:.2} | {:.2} | {:.0} |",
            instance.setting.name,
            instance.bytes,
            of(|round| round.per_second),
            of(|round| round.cpu),
            median(pairs.map(|(own, base)| own.cpu / base.cpu)),
            of(|round| round.p50),
            of(|round| round.p99),
            instance.app.server().and_then(|server| stats::memory(server.pid, "VmRSS")).unwrap_or(f64::NAN),
        );
    }
}
