//! What sessions weigh in the stores, and what a request, a sign-in and an end ask of them: the figures that `docs/scale.md` counts with.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{
    app::{self, App, Throttle},
    client::Connection,
    server::{BROWSER_COOKIE, COOKIE},
    stores::{Stores, connect_postgres},
};

/// The active sessions of each site; `BENCH_SCALE` overrides them: `10000,3000000`.
const SITES: &str = "10000,1000000";

/// Active sessions per user.
const SESSIONS_PER_USER: usize = 10;

/// How often each thing is done whose statements are counted, one after the other.
const REPEATS: usize = 40;

/// The address of the administrator of `gatehouse demo`.
const ADMINISTRATOR: &str = "admin@example.com";

/// Sizes in bytes, each divided by the number of what it is for.
const SIZES: [(&str, &str); 8] = [
    ("row of a session", "SELECT pg_table_size('sessions')::float8 / count(*) FROM sessions"),
    (
        "indexes of an active one",
        "SELECT (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = 'sessions'::regclass \
         AND pg_get_expr(indpred, indrelid) LIKE '%ended_at IS NULL%')::float8 / count(*) FROM sessions WHERE ended_at IS NULL",
    ),
    (
        "indexes of an ended one",
        "SELECT (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = 'sessions'::regclass \
         AND pg_get_expr(indpred, indrelid) LIKE '%ended_at IS NOT NULL%')::float8 / count(*) FROM sessions WHERE ended_at IS NOT NULL",
    ),
    (
        "indexes of both",
        "SELECT (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = 'sessions'::regclass \
         AND coalesce(pg_get_expr(indpred, indrelid), '') NOT LIKE '%ended_at IS%')::float8 / count(*) FROM sessions",
    ),
    ("row of an event", "SELECT pg_table_size('events')::float8 / count(*) FROM events"),
    ("its indexes", "SELECT pg_indexes_size('events')::float8 / count(*) FROM events"),
    ("user with indexes", "SELECT pg_total_relation_size('users')::float8 / count(*) FROM users"),
    (
        "database, all in all, per active session",
        "SELECT pg_database_size(current_database())::float8 / count(*) FROM sessions WHERE ended_at IS NULL",
    ),
];

/// A site that `gatehouse demo` filled.
struct Site {
    active: usize,
    stores: Stores,
    database: tokio_postgres::Client,
    password: String,
    took: Duration,
    /// Bytes of Redis's memory per active session.
    redis: f64,
}

impl Site {
    async fn fill(active: usize) -> Result<Self> {
        let stores = Stores::create().await?;
        eprintln!("· filling a site with {active} active sessions");
        let before = stores.redis_memory().await?;
        let users = (active / SESSIONS_PER_USER).max(1).to_string();
        let start = Instant::now();
        let output =
            app::run_command(&stores, &["demo", "--users", &users, "--sessions", &active.to_string()])
                .await?;
        let took = start.elapsed();
        let redis = (stores.redis_memory().await? - before) / active as f64;
        let password = output.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        let database = connect_postgres(&stores.postgres_url).await?;
        database.batch_execute("VACUUM ANALYZE").await?;
        database
            .batch_execute("CREATE EXTENSION pg_stat_statements")
            .await
            .context("pg_stat_statements is needed; see scripts/bench")?;
        Ok(Self { active, stores, database, password, took, redis })
    }

    async fn weigh(&self) -> Result<Weight> {
        let mut sizes = Vec::new();
        for (_, query) in SIZES {
            sizes.push(self.database.query_one(query, &[]).await?.get(0));
        }
        Ok(Weight { active: self.active, took: self.took, redis: self.redis, sizes })
    }
}

/// What a site weighs.
struct Weight {
    active: usize,
    took: Duration,
    /// Bytes of Redis's memory per active session.
    redis: f64,
    /// In the order of [`SIZES`].
    sizes: Vec<f64>,
}

/// Fills one site after the other and weighs it; counts the statements on the first, since they are the same on all.
pub async fn run() -> Result<()> {
    let sites = std::env::var("BENCH_SCALE").unwrap_or_else(|_| SITES.to_owned());
    let mut weighed = Vec::new();
    for active in sites.split(',') {
        let site = Site::fill(active.trim().parse().context("BENCH_SCALE")?).await?;
        if weighed.is_empty() {
            count_statements(&site).await?;
        }
        weighed.push(site.weigh().await?);
        site.stores.remove().await?;
    }
    print_sizes(&weighed);
    Ok(())
}

fn print_sizes(sites: &[Weight]) {
    let row = |name: &str, cell: &dyn Fn(&Weight) -> String| {
        let cells: Vec<String> = sites.iter().map(cell).collect();
        println!("| {name} | {} |", cells.join(" | "));
    };
    println!("\n### Bytes, by active sessions; five times as many have ended\n");
    row("", &|site| site.active.to_string());
    println!("|---|{}", "---:|".repeat(sites.len()));
    row("Redis, per active session", &|site| format!("{:.0}", site.redis));
    for (number, (name, _)) in SIZES.iter().enumerate() {
        row(name, &|site| format!("{:.0}", site.sizes[number]));
    }
    row("filled in s", &|site| format!("{:.0}", site.took.as_secs_f64()));
}

/// Counts what Postgres and Redis are asked.
async fn count_statements(site: &Site) -> Result<()> {
    let app = App::start(&site.stores, Throttle::Off)?;
    app::wait_until_ready(app.server()?, "/readyz", "").await?;
    let mut visit = Visit {
        connection: Connection::open(app.server()?.port).await?,
        site,
        cookies: Vec::new(),
        browser: String::new(),
    };
    // The first makes the browser known.
    visit.sign_in().await?;
    ensure!(!visit.browser.is_empty(), "the sign-in made no browser known");
    println!("\n### Statements and commands of each, one after the other\n");
    println!("| | Postgres | Redis |\n|---|---:|---:|");
    for step in [Step::SignIn, Step::Page, Step::Verify, Step::End, Step::SignOut] {
        let (statements, commands) = visit.count(step).await?;
        println!("| {} | {statements:.1} | {commands:.1} |", step.name());
    }
    app.stop().await
}

/// What is done several times.
#[derive(Clone, Copy)]
enum Step {
    SignIn,
    Page,
    Verify,
    End,
    SignOut,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in with a known browser",
            Self::Page => "gated page",
            Self::Verify => "`GET /auth/verify`",
            Self::End => "an administrator ends one session",
            Self::SignOut => "signing out",
        }
    }
}

/// An administrator who signs in many times with one browser.
struct Visit<'a> {
    connection: Connection,
    site: &'a Site,
    /// The session cookies as `name=value`.
    cookies: Vec<String>,
    browser: String,
}

impl Visit<'_> {
    /// Statements of Postgres and commands of Redis for each time.
    async fn count(&mut self, step: Step) -> Result<(f64, f64)> {
        self.site.database.batch_execute("SELECT pg_stat_statements_reset()").await?;
        let before = self.site.stores.redis_commands().await?;
        for number in 0..REPEATS {
            match step {
                Step::SignIn => self.sign_in().await?,
                Step::Page => self.expect("/profile", number, 200).await?,
                Step::Verify => self.expect("/auth/verify", number, 200).await?,
                Step::End => self.end_one(number).await?,
                Step::SignOut => self.sign_out().await?,
            }
        }
        let query = "SELECT coalesce(sum(calls), 0)::float8 FROM pg_stat_statements \
                     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                     AND query NOT LIKE '%pg_stat_statements%'";
        let statements: f64 = self.site.database.query_one(query, &[]).await?.get(0);
        let commands = self.site.stores.redis_commands().await? - before;
        Ok((statements / REPEATS as f64, commands / REPEATS as f64))
    }

    async fn sign_in(&mut self) -> Result<()> {
        let fields = [("email", ADMINISTRATOR), ("password", self.site.password.as_str())];
        let response = self.connection.post_with_cookie("/login", &self.browser, &fields).await?;
        let cookie = response.cookie(COOKIE).filter(|_| response.status == 303);
        let cookie = cookie.ok_or_else(|| response.unexpected("a sign-in"))?;
        self.cookies.push(format!("{COOKIE}={cookie}"));
        if let Some(browser) = response.cookie(BROWSER_COOKIE) {
            self.browser = format!("{BROWSER_COOKIE}={browser}");
        }
        Ok(())
    }

    async fn expect(&mut self, path: &str, number: usize, status: u16) -> Result<()> {
        let cookie = &self.cookies[number % self.cookies.len()];
        let response = self.connection.get(path, cookie).await?;
        ensure!(response.status == status, response.unexpected(path));
        Ok(())
    }

    /// Ends one of the sessions that have been active last, which are not this visit's own.
    async fn end_one(&mut self, number: usize) -> Result<()> {
        let query = "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL AND u.email <> $1 \
                     ORDER BY s.last_seen_at DESC LIMIT 1";
        let id: String = self.site.database.query_one(query, &[&ADMINISTRATOR]).await?.get(0);
        let path = format!("/admin/sessions/{id}/end");
        let cookie = &self.cookies[number % self.cookies.len()];
        let response = self.connection.post_with_cookie(&path, cookie, &[("reason", "Measured")]).await?;
        ensure!(response.status == 303, response.unexpected("an end"));
        Ok(())
    }

    async fn sign_out(&mut self) -> Result<()> {
        let cookie = self.cookies.pop().context("more ends than sessions")?;
        let response = self.connection.post_with_cookie("/logout", &cookie, &[]).await?;
        ensure!(response.status == 303, response.unexpected("a sign-out"));
        Ok(())
    }
}
