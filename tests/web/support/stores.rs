//! The stores of one test: its database and, on the stack that has it, its Redis database.

use std::net::SocketAddr;

use gatehouse::{
    config::DatabaseUrl,
    db::{Connector, DbConnection},
};
use tempfile::TempDir;

use super::{
    fault_proxy::FaultProxy,
    postgres::{self, PostgresDatabase},
    redis::RedisDatabase,
    stack::{Backend, Stack},
};

/// The database and, on its stack, the Redis database that a test's instances share. Dropped with the last of them.
pub struct Stores {
    stack: Stack,
    /// Dropped first, so that no connection goes through it when the database is dropped.
    proxies: Option<Proxies>,
    pub(super) database_url: String,
    redis: Option<RedisDatabase>,
    _folder: TempDir,
    _database: Option<PostgresDatabase>,
}

struct Proxies {
    redis: Option<FaultProxy>,
    postgres: Option<FaultProxy>,
}

/// The stores that a builder asks for.
#[derive(Default)]
pub(super) struct StoreOptions {
    pub proxied: bool,
    pub sessions_in_sql: bool,
    pub database_url: Option<String>,
    pub database_made_with: Option<&'static str>,
    pub redis: Option<RedisDatabase>,
}

impl Stores {
    pub(super) fn new(stack: Stack, options: StoreOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let mut database = None;
        let database_url = options.database_url.unwrap_or_else(|| match stack {
            Stack::Sqlite => format!("sqlite://{}/gatehouse.db", folder.path().display()),
            Stack::PostgresRedis => {
                let made = options
                    .database_made_with
                    .map_or_else(PostgresDatabase::fresh, PostgresDatabase::made_with);
                database.insert(made).url().to_owned()
            }
        });
        let redis = match (stack, options.redis) {
            (_, Some(redis)) => Some(redis),
            (Stack::PostgresRedis, None) if !options.sessions_in_sql => Some(RedisDatabase::fresh()),
            _ => None,
        };
        let proxies = options.proxied.then(|| Proxies {
            redis: redis.as_ref().map(|redis| FaultProxy::to(redis.addr())),
            postgres: database_url
                .starts_with("postgres")
                .then(|| FaultProxy::to(postgres::addr_of(&database_url))),
        });
        Self { stack, proxies, database_url, redis, _folder: folder, _database: database }
    }

    /// Brings the database to the newest migration; an application would do that too.
    #[track_caller]
    pub(super) fn migrate(&self) {
        gatehouse::db::migrate_url(&self.database_url)
            .unwrap_or_else(|error| panic!("{}: {error}", self.database_url));
    }

    /// Which stack it is.
    pub fn stack(&self) -> Stack {
        self.stack
    }

    /// Where the application keeps the state of its sessions.
    pub fn backend(&self) -> Backend {
        match (self.stack, &self.redis) {
            (_, Some(_)) => Backend::Redis,
            (Stack::Sqlite, None) => Backend::Sqlite,
            (Stack::PostgresRedis, None) => Backend::Postgres,
        }
    }

    /// The variables that lead the application to these stores.
    pub fn vars(&self) -> Vec<(String, String)> {
        let through = |url: &str, own: SocketAddr, proxy: &FaultProxy| {
            url.replace(&own.to_string(), &proxy.addr().to_string())
        };
        let proxies = self.proxies.as_ref();
        let database = match proxies.and_then(|proxies| proxies.postgres.as_ref()) {
            Some(proxy) => through(&self.database_url, postgres::addr_of(&self.database_url), proxy),
            None => self.database_url.clone(),
        };
        let mut vars = vec![("DATABASE_URL".to_owned(), database)];
        if self.stack == Stack::PostgresRedis {
            // Mail would become files in the folder of the sources. Nothing listens there, so it waits.
            vars.push(("SMTP_URL".to_owned(), "smtp://127.0.0.1:9".to_owned()));
        }
        if let Some(redis) = &self.redis {
            let url = match proxies.and_then(|proxies| proxies.redis.as_ref()) {
                Some(proxy) => through(redis.url(), redis.addr(), proxy),
                None => redis.url().to_owned(),
            };
            vars.push(("REDIS_URL".to_owned(), url));
        }
        vars
    }

    /// The test's Redis database; panics where sessions live in SQL.
    #[track_caller]
    pub fn redis(&self) -> &RedisDatabase {
        self.redis.as_ref().expect("this stack has no Redis")
    }

    /// The proxy in front of Redis, if the test asked for it with [`super::Builder::through_proxies`].
    #[track_caller]
    pub fn redis_proxy(&self) -> &FaultProxy {
        let proxies = self.proxies.as_ref().expect("ask for it: through_proxies()");
        proxies.redis.as_ref().expect("this stack has no Redis")
    }

    /// The proxy in front of Postgres, if the test asked for it with [`super::Builder::through_proxies`].
    #[track_caller]
    pub fn postgres_proxy(&self) -> &FaultProxy {
        let proxies = self.proxies.as_ref().expect("ask for it: through_proxies()");
        proxies.postgres.as_ref().expect("this stack has no Postgres")
    }

    /// A connection for the product's own queries.
    #[track_caller]
    pub(super) fn product_connection(&self) -> DbConnection {
        let url = DatabaseUrl::parse(&self.database_url).unwrap();
        Connector::new(url).connect().unwrap_or_else(|error| panic!("{}: {error}", self.database_url))
    }
}
