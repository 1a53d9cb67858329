//! W4: the administrator's list at 10,000, 100,000 and 1,000,000 active sessions, each with five times as many that have
//! ended, made by `gatehouse demo`. The sites run side by side and are asked in turn.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::oneshot;

use crate::{
    app::{self, App, COOKIE, Scene},
    client::Connection,
    stats,
};

/// Active sessions of each site; `BENCH_ROLL` changes them: `10000,100000`.
const SITES: &str = "10000,100000,1000000";

/// People for so many active sessions.
const SESSIONS_EACH: usize = 10;

/// Requests of each kind in one round.
const REQUESTS: usize = 5;

/// Sessions that one end is to match.
const END: i64 = 10_000;

/// A page of the list that is far down.
const FAR: i64 = 50_000;

/// A filled site with an administrator who has signed in.
struct Site {
    scene: Scene,
    app: App,
    sessions: usize,
    cookie: String,
    database: tokio_postgres::Client,
    /// What is asked for, with a name: the same questions on all sites.
    pages: Vec<(&'static str, String)>,
}

/// One kind of page on one site.
#[derive(Default, Clone)]
struct Cost {
    /// How many sessions match, as the page says it.
    matches: String,
    /// Milliseconds.
    latencies: Vec<f64>,
    database: Vec<f64>,
}

/// Fills the sites, asks them in turn, ends sessions, and prints the tables.
pub async fn run(rounds: usize) -> Result<()> {
    let sizes = std::env::var("BENCH_ROLL").unwrap_or_else(|_| SITES.to_owned());
    let mut sites = Vec::new();
    for size in sizes.split(',') {
        sites.push(Site::fill(size.trim().parse().context("BENCH_ROLL")?).await?);
    }
    let kinds = sites[0].pages.len();
    let mut costs = vec![vec![Cost::default(); sites.len()]; kinds];
    for round in 0..=rounds {
        for (kind, costs) in costs.iter_mut().enumerate() {
            for (site, cost) in sites.iter().zip(costs) {
                let (matches, latencies, database) = site.ask(kind).await?;
                cost.matches = matches;
                if round > 0 {
                    cost.latencies.extend(latencies);
                    cost.database.push(database);
                }
            }
        }
        eprintln!("· W4 round {round}");
    }
    print_pages(&sites, &costs);
    println!("\n### W4 ending {END} that match\n");
    println!("| active sessions | ended in s | `/profile` p99 ms before | meanwhile |\n|---|---|---|---|");
    for site in &sites {
        site.end().await?;
    }
    println!("| goal | <= 3 |  |  |");
    for site in sites {
        site.app.stop().await?;
        site.scene.remove().await?;
    }
    Ok(())
}

/// The ratio compares the largest site with the smallest. Where their lists differ in length and the page shows it, they
/// are different pages; it stands in brackets then.
fn print_pages(sites: &[Site], costs: &[Vec<Cost>]) {
    let head: Vec<String> =
        sites.iter().map(|site| format!("{} | match | database", site.sessions)).collect();
    println!("\n### W4 the list: median ms of a page, and of it in the database\n");
    println!("| | {} | most / least |", head.join(" | "));
    println!("|---|{}---|", "---|---|---|".repeat(sites.len()));
    for ((name, _), costs) in sites[0].pages.iter().zip(costs) {
        let medians: Vec<f64> =
            costs.iter().map(|cost| stats::median(cost.latencies.iter().copied())).collect();
        let cells: Vec<String> = costs
            .iter()
            .zip(&medians)
            .map(|(cost, median)| {
                let database = stats::median(cost.database.iter().copied());
                format!("{median:.1} | {} | {database:.1}", cost.matches)
            })
            .collect();
        let last = costs.len() - 1;
        let ratio = format!("{:.2}", medians[last] / medians[0]);
        let alike = costs[0].matches == costs[last].matches;
        let ratio = if alike { ratio } else { format!("({ratio})") };
        println!("| {name} | {} | {ratio} |", cells.join(" | "));
    }
    println!("| goal |{} <= 1.5 |", " | | <= 20 |".repeat(sites.len()));
}

impl Site {
    /// A database with so many active sessions, the application on it, and a signed-in administrator.
    async fn fill(sessions: usize) -> Result<Self> {
        let scene = Scene::new().await?;
        eprintln!("· filling a site with {sessions} active sessions");
        let users = (sessions / SESSIONS_EACH).max(1).to_string();
        let count = sessions.to_string();
        let arguments = ["demo", "--users", &users, "--sessions", &count];
        let said = app::command(&scene, &arguments).await?;
        let password = said.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        let app = App::start(&scene)?;
        app::answers(app.server()?, "/readyz", "").await?;
        let mut connection = Connection::open(app.server()?.port).await?;
        let fields = [("email", "admin@example.com"), ("password", password.as_str())];
        let answer = connection.post("/login", &fields).await?;
        let cookie = answer.cookie(COOKIE).filter(|_| answer.status == 303);
        let cookie = format!("{COOKIE}={}", cookie.ok_or_else(|| answer.wrong("a sign-in"))?);
        let database = app::postgres(&scene.postgres).await?;
        database
            .batch_execute("CREATE EXTENSION pg_stat_statements")
            .await
            .context("pg_stat_statements is needed; see scripts/bench")?;
        let pages = pages(&database).await?;
        Ok(Self { scene, app, sessions, cookie, database, pages })
    }

    /// Asks for one kind of page; the result is how many match, the latency of each, and the database's time for one, in
    /// milliseconds.
    async fn ask(&self, kind: usize) -> Result<(String, Vec<f64>, f64)> {
        let (name, path) = &self.pages[kind];
        let mut connection = Connection::open(self.app.server()?.port).await?;
        self.database.batch_execute("SELECT pg_stat_statements_reset()").await?;
        let mut latencies = Vec::new();
        let mut matches = String::new();
        for _ in 0..REQUESTS {
            let start = Instant::now();
            let answer = connection.get(path, &self.cookie).await?;
            latencies.push(start.elapsed().as_secs_f64() * 1_000.0);
            if answer.status != 200 || !answer.shows("</table>") && !answer.shows("session fits") {
                return Err(answer.wrong(name));
            }
            let count = answer.between("class=\"count\"><strong>", '<');
            matches = count.ok_or_else(|| answer.wrong("a count"))?.to_lowercase();
        }
        let query = "SELECT sum(total_exec_time + total_plan_time) FROM pg_stat_statements \
                     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let total: Option<f64> = self.database.query_one(query, &[]).await?.get(0);
        Ok((matches, latencies, total.unwrap_or(f64::NAN) / REQUESTS as f64))
    }

    /// Ends the sessions that were seen least recently, while somebody goes on looking at a page.
    async fn end(&self) -> Result<()> {
        let query = "SELECT extract(epoch FROM timezone('UTC', now()) - last_seen_at)::bigint FROM sessions \
                     WHERE ended_at IS NULL ORDER BY last_seen_at OFFSET $1 LIMIT 1";
        let Some(row) = self.database.query_opt(query, &[&(END - 1)]).await? else {
            println!("| {} | has no {END} sessions to end | | |", self.sessions);
            return Ok(());
        };
        let idle = format!("{}s", row.get::<_, i64>(0));
        let before = self.look(Duration::from_secs(3), None).await?;
        let mut connection = Connection::open(self.app.server()?.port).await?;
        let fields = [("idle_over", idle.as_str()), ("reason", "Measured")];
        let preview = connection.post_as("/admin/sessions/end", &self.cookie, &fields).await?;
        ensure!(preview.status == 200, preview.wrong("a preview"));
        let expected = preview.value("expected").ok_or_else(|| preview.wrong("an expected count"))?;
        let mut fields = fields.to_vec();
        fields.extend([("confirm", "yes"), ("expected", &expected)]);
        let (stop, stopped) = oneshot::channel();
        let ends = async {
            let start = Instant::now();
            let answer = connection.post_as("/admin/sessions/end", &self.cookie, &fields).await?;
            ensure!(answer.status == 303, answer.wrong("an end"));
            loop {
                let query = "SELECT count(*) FROM sessions WHERE end_note = 'Measured' AND ended_at > timezone('UTC', now()) - interval '5 minutes'";
                let ended: i64 = self.database.query_one(query, &[]).await?.get(0);
                // One more may have been idle for long enough by then.
                if ended >= expected.parse()? {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let _ = stop.send(());
            Ok(start.elapsed())
        };
        let (took, meanwhile) = tokio::try_join!(ends, self.look(Duration::from_secs(60), Some(stopped)))?;
        println!(
            "| {} | {:.2} for {expected} | {before:.1} | {meanwhile:.1} |",
            self.sessions,
            took.as_secs_f64()
        );
        Ok(())
    }

    /// Looks at the profile again and again until told to stop, at most so long; the result is the p99 in milliseconds.
    async fn look(&self, longest: Duration, mut stop: Option<oneshot::Receiver<()>>) -> Result<f64> {
        let (mut connection, end) =
            (Connection::open(self.app.server()?.port).await?, Instant::now() + longest);
        let mut latencies = Vec::new();
        while Instant::now() < end && stop.as_mut().is_none_or(|stop| stop.try_recv().is_err()) {
            let start = Instant::now();
            let answer = connection.get("/profile", &self.cookie).await?;
            ensure!(answer.status == 200, answer.wrong("the profile"));
            latencies.push(start.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        latencies.sort_unstable();
        stats::percentile(&latencies, 99)
    }
}

/// The questions, some of which depend on what there is.
async fn pages(database: &tokio_postgres::Client) -> Result<Vec<(&'static str, String)>> {
    let far = "SELECT (extract(epoch FROM last_seen_at) * 1000000)::bigint || '.' || id FROM sessions \
               WHERE ended_at IS NULL ORDER BY last_seen_at DESC, id DESC \
               OFFSET least($1, (SELECT count(*) FROM sessions WHERE ended_at IS NULL) - 100) LIMIT 1";
    let far: String = database.query_one(far, &[&FAR]).await?.get(0);
    let list = |query: String| format!("/admin/sessions?{query}");
    let fixed = [
        ("everyone", ""),
        ("by sign-in", "sort=started"),
        ("a family name", "q=kowalska"),
        ("two letters", "q=zo"),
        ("two letters that nobody has", "q=qx"),
        ("a network", "ip=10.20.3.0/24"),
        ("an address", "ip=203.0.113.7"),
        ("a common browser", "browser=chrome"),
        ("a rare browser", "browser=curl"),
        ("no such browser", "browser=konqueror"),
        ("a system", "os=linux"),
        ("administrators", "role=admin"),
        ("remembered", "remembered=yes"),
        ("older than 30 days", "older_than=30d"),
        ("older than 30 days, by sign-in", "older_than=30d&sort=started"),
        ("idle over 5 days", "idle_over=5d"),
        ("idle over 5 days, by sign-in", "idle_over=5d&sort=started"),
        ("Firefox on Linux, idle", "browser=firefox&os=linux&idle_over=8h"),
        ("ended", "state=ended"),
        ("ended, a family name", "state=ended&q=kowalska"),
        ("ended, two letters that nobody has", "state=ended&q=qx"),
        ("ended, a rare browser", "state=ended&browser=curl"),
        ("ended, administrators", "state=ended&role=admin"),
        ("ended, older than 30 days", "state=ended&older_than=30d"),
    ];
    let mut pages: Vec<(&'static str, String)> =
        fixed.into_iter().map(|(name, query)| (name, list(query.to_owned()))).collect();
    pages.push(("page 1,000", list(format!("after={far}"))));
    for (name, field, some) in [
        ("a person with 10 sessions", "q", "SELECT u.email FROM {active} GROUP BY 1 HAVING count(*) = 10"),
        ("an address with 5 sessions", "ip", "SELECT s.ip FROM {active} GROUP BY 1 HAVING count(*) = 5"),
    ] {
        let active = "sessions s JOIN users u ON u.id = user_id WHERE ended_at IS NULL";
        let some = some.replace("{active}", active) + " ORDER BY 1 LIMIT 1";
        let found = database.query_opt(&some, &[]).await?.with_context(|| format!("there is not {name}"))?;
        pages.push((name, list(format!("{field}={}", found.get::<_, String>(0)))));
    }
    Ok(pages)
}
