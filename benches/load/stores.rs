//! The stores of one run: a Postgres database created for it and an empty Redis database.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result, bail};
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio_postgres::NoTls;
use url::Url;

use crate::{
    server::{COOKIE, User},
    stats::{self, StoreProcesses},
};

/// What connecting and asking takes.
const OWN_COMMANDS: [&str; 4] = ["cmdstat_info:", "cmdstat_client", "cmdstat_select:", "cmdstat_hello:"];

/// The stores of the application and of the limit server.
pub struct Stores {
    /// The Postgres database, created for this run.
    pub postgres_url: Url,
    /// The Redis database, empty before this run.
    pub redis_url: Url,
    /// A directory for files. The application runs in it too, so that it finds no `.env`.
    pub directory: TempDir,
    /// The servers' processes.
    pub processes: StoreProcesses,
    /// The Postgres server, to create and drop the database.
    server_url: Url,
}

impl Stores {
    /// Creates the stores on the servers of `TEST_POSTGRES_URL` and `TEST_REDIS_URL`.
    pub async fn create() -> Result<Self> {
        let server_url = url_from_env("TEST_POSTGRES_URL")?;
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("gatehouse_bench_{}_{number}", std::process::id());
        connect_postgres(&server_url).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        let mut postgres_url = server_url.clone();
        postgres_url.set_path(&name);
        let redis_url = empty_redis(url_from_env("TEST_REDIS_URL")?).await?;
        let processes = StoreProcesses {
            postgres: postgres_process(&postgres_url).await?,
            redis: redis_process(&redis_url).await?,
        };
        Ok(Self { postgres_url, redis_url, directory: tempfile::tempdir()?, processes, server_url })
    }

    /// Empties the Redis database and drops the Postgres database.
    pub async fn remove(self) -> Result<()> {
        redis::cmd("FLUSHDB").query_async::<()>(&mut self.connect_redis().await?).await?;
        let name = self.postgres_url.path().trim_start_matches('/');
        let server = connect_postgres(&self.server_url).await?;
        Ok(server.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?)
    }

    /// A connection to the Redis database.
    pub async fn connect_redis(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(self.redis_url.as_str())?;
        Ok(client.get_multiplexed_async_connection().await?)
    }

    /// Bytes of memory that the Redis server uses.
    pub async fn redis_memory(&self) -> Result<f64> {
        let mut connection = self.connect_redis().await?;
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.context("INFO has no used_memory")?.trim().parse()?)
    }

    /// Commands that the Redis server has carried out, the question itself left out.
    pub async fn redis_commands(&self) -> Result<f64> {
        let mut connection = self.connect_redis().await?;
        let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await?;
        let calls = |line: &str| line.split_once("calls=")?.1.split(',').next()?.parse::<f64>().ok();
        let asked = info.lines().filter(|line| !OWN_COMMANDS.iter().any(|own| line.starts_with(own)));
        Ok(asked.filter_map(calls).sum())
    }

    /// Reads the store keys of the users' sessions and sets their cookies for the limit server to them. `remembered` are the users
    /// of sessions with "remember me".
    pub async fn set_limit_cookies(&self, plain: &mut [User], remembered: &mut [User]) -> Result<()> {
        let client = connect_postgres(&self.postgres_url).await?;
        // Autovacuum would do this on a site that is a few minutes old, at some time during the rounds.
        client.batch_execute("VACUUM ANALYZE").await?;
        let query = "SELECT u.email, s.remembered, s.store_key FROM sessions s JOIN users u ON u.id = s.user_id \
                     WHERE s.ended_at IS NULL";
        let rows = client.query(query, &[]).await?;
        let keys: HashMap<(&str, bool), &str> =
            rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
        for (users, are_remembered) in [(plain, false), (remembered, true)] {
            for user in users {
                let key = keys.get(&(user.email.as_str(), are_remembered));
                user.limit_cookie = format!("{COOKIE}={}", key.context("a user without a session")?);
            }
        }
        Ok(())
    }
}

/// The parent of Postgres's processes, if they are on this machine.
async fn postgres_process(url: &Url) -> Result<Option<u32>> {
    let client = connect_postgres(url).await?;
    let own: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    let own = u32::try_from(own)?;
    Ok(stats::parent(own).filter(|parent| [own, *parent].iter().all(|pid| stats::runs(*pid, &["postgres"]))))
}

/// Redis's process, if it is on this machine.
async fn redis_process(url: &Url) -> Result<Option<u32>> {
    let mut connection = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
    let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")?.trim().parse().ok());
    Ok(pid.filter(|pid| stats::runs(*pid, &["redis-server", "valkey-server"])))
}

fn url_from_env(variable: &str) -> Result<Url> {
    let text =
        std::env::var(variable).with_context(|| format!("{variable} is missing; see scripts/bench"))?;
    Ok(Url::parse(&text)?)
}

/// A connection to a Postgres database.
pub async fn connect_postgres(url: &Url) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The first Redis database without keys.
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
