//! One site of W4: its stores and application, the requests that are measured, and the ending of many sessions.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::oneshot;

use super::pages::{Page, pages};
use crate::{
    app::{self, App, Throttle},
    client::{Connection, Response},
    stats,
    stores::{Stores, connect_postgres},
};

/// Active sessions per user.
const SESSIONS_PER_USER: usize = 10;

/// Requests for each kind of page in one round.
const REQUESTS: usize = 5;

/// How many sessions are ended at once.
pub const ENDED_AT_ONCE: i64 = 10_000;

/// How long the end may take.
const END_TIMEOUT: Duration = Duration::from_secs(120);

/// The reason of the end, which identifies the ended sessions.
const REASON: &str = "Measured";

/// A filled site with a signed-in administrator.
pub struct Site {
    /// Active sessions.
    pub sessions: usize,
    /// The pages that are fetched, the same kinds on all sites.
    pub pages: Vec<Page>,
    stores: Stores,
    app: App,
    /// The administrator's session cookie as `name=value`.
    cookie: String,
    database: tokio_postgres::Client,
}

/// The measurements of one kind of page in one round.
pub struct Measured {
    /// How many sessions match, as the page says it.
    pub matches: String,
    /// Milliseconds of each request.
    pub latencies: Vec<f64>,
    /// Milliseconds in the database, per request.
    pub database: f64,
}

impl Site {
    /// Fills a database with active sessions, starts the application on it, and signs an administrator in.
    pub async fn fill(sessions: usize) -> Result<Self> {
        let stores = Stores::create().await?;
        eprintln!("· filling a site with {sessions} active sessions");
        let users = (sessions / SESSIONS_PER_USER).max(1).to_string();
        let count = sessions.to_string();
        let arguments = ["demo", "--users", &users, "--sessions", &count];
        let output = app::run_command(&stores, &arguments).await?;
        let password = output.trim().rsplit(' ').next().unwrap_or_default();
        let app = App::start(&stores, Throttle::On)?;
        app::wait_until_ready(app.server()?, "/readyz", "").await?;
        let mut connection = Connection::open(app.server()?.port).await?;
        let cookie = connection.sign_in("admin@example.com", password).await?;
        let database = connect_postgres(&stores.postgres_url).await?;
        database
            .batch_execute("CREATE EXTENSION pg_stat_statements")
            .await
            .context("pg_stat_statements is needed; see scripts/bench")?;
        let pages = pages(&database).await?;
        Ok(Self { stores, app, sessions, cookie, database, pages })
    }

    /// Stops the application and removes the stores.
    pub async fn remove(self) -> Result<()> {
        self.app.stop().await?;
        self.stores.remove().await
    }

    /// Fetches one kind of page several times.
    pub async fn fetch(&self, kind: usize) -> Result<Measured> {
        let Page { name, path } = &self.pages[kind];
        let mut connection = self.connect().await?;
        self.database.batch_execute("SELECT pg_stat_statements_reset()").await?;
        let mut latencies = Vec::new();
        let mut matches = String::new();
        for _ in 0..REQUESTS {
            let start = Instant::now();
            let response = connection.get(path, &self.cookie).await?;
            latencies.push(start.elapsed().as_secs_f64() * 1_000.0);
            if response.status != 200 || !response.contains("</table>") && !response.contains("session fits")
            {
                return Err(response.unexpected(name));
            }
            let count = response.between("class=\"count\"><strong>", '<');
            matches = count.ok_or_else(|| response.unexpected("a count"))?.to_lowercase();
        }
        let query = "SELECT sum(total_exec_time + total_plan_time) FROM pg_stat_statements \
                     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let total: Option<f64> = self.database.query_one(query, &[]).await?.get(0);
        let database = total.unwrap_or(f64::NAN) / REQUESTS as f64;
        Ok(Measured { matches, latencies, database })
    }

    /// Ends the sessions that have been idle longest, while another client fetches `/profile`, and prints how long both
    /// took.
    pub async fn end_sessions(&self) -> Result<()> {
        let Some(idle_over) = self.idle_time().await? else {
            println!("| {} | has no {ENDED_AT_ONCE} sessions to end | | |", self.sessions);
            return Ok(());
        };
        let before = self.fetch_profile(Duration::from_secs(3), None).await?;
        let mut connection = self.connect().await?;
        let fields = [("idle_over", idle_over.as_str()), ("reason", REASON)];
        let preview = connection.post_with_cookie("/admin/sessions/end", &self.cookie, &fields).await?;
        ensure!(preview.status == 200, preview.unexpected("a preview"));
        let mut expected = expected_count(&preview)?;
        let (stop, stopped) = oneshot::channel();
        let end = async {
            let start = loop {
                let start = Instant::now();
                let mut confirmed = fields.to_vec();
                confirmed.extend([("confirm", "yes"), ("expected", &expected)]);
                let response =
                    connection.post_with_cookie("/admin/sessions/end", &self.cookie, &confirmed).await?;
                // More sessions have become idle for long enough since the preview: the page asks again with their number.
                if response.status == 422 && response.contains("Meanwhile the number has changed") {
                    expected = expected_count(&response)?;
                    continue;
                }
                ensure!(response.status == 303, response.unexpected("an end"));
                break start;
            };
            self.wait_for_ended(expected.parse()?).await?;
            let _ = stop.send(());
            Ok((start.elapsed(), expected))
        };
        let readers = self.fetch_profile(Duration::from_secs(60), Some(stopped));
        let ((elapsed, expected), meanwhile) = tokio::try_join!(end, readers)?;
        println!(
            "| {} | {:.2} for {expected} | {before:.1} | {meanwhile:.1} |",
            self.sessions,
            elapsed.as_secs_f64()
        );
        Ok(())
    }

    /// A value of the filter `idle_over` that matches the sessions to end; `None` if there are not enough sessions.
    async fn idle_time(&self) -> Result<Option<String>> {
        let query = "SELECT extract(epoch FROM timezone('UTC', now()) - last_seen_at)::bigint FROM sessions \
                     WHERE ended_at IS NULL ORDER BY last_seen_at OFFSET $1 LIMIT 1";
        let row = self.database.query_opt(query, &[&(ENDED_AT_ONCE - 1)]).await?;
        Ok(row.map(|row| format!("{}s", row.get::<_, i64>(0))))
    }

    /// Waits until so many sessions have ended, or more: others may have become idle for long enough since the preview.
    async fn wait_for_ended(&self, expected: i64) -> Result<()> {
        let query = "SELECT count(*) FROM sessions \
                     WHERE end_message = $1 AND ended_at > timezone('UTC', now()) - interval '5 minutes'";
        let start = Instant::now();
        loop {
            let ended: i64 = self.database.query_one(query, &[&REASON]).await?.get(0);
            if ended >= expected {
                return Ok(());
            }
            ensure!(start.elapsed() < END_TIMEOUT, "{ended} of {expected} sessions have ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Fetches `/profile` repeatedly until stopped, but not longer than `limit`, and returns the 99th percentile of the
    /// latency in milliseconds.
    async fn fetch_profile(&self, limit: Duration, mut stop: Option<oneshot::Receiver<()>>) -> Result<f64> {
        let (mut connection, end) = (self.connect().await?, Instant::now() + limit);
        let mut latencies = Vec::new();
        while Instant::now() < end && stop.as_mut().is_none_or(|stop| stop.try_recv().is_err()) {
            let start = Instant::now();
            let response = connection.get("/profile", &self.cookie).await?;
            ensure!(response.status == 200, response.unexpected("the profile"));
            latencies.push(start.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        latencies.sort_unstable();
        stats::percentile(&latencies, 99)
    }

    async fn connect(&self) -> Result<Connection> {
        Connection::open(self.app.server()?.port).await
    }
}

/// The number of sessions that a preview asks to confirm.
fn expected_count(preview: &Response) -> Result<String> {
    preview.field_value("expected").ok_or_else(|| preview.unexpected("an expected count"))
}
