//! Where data is kept: the database and Redis.

use std::time::Duration;

use super::{database_url::DatabaseUrl, reader::Reader, redis_url::RedisUrl};

/// Where data is kept, and how long requests wait for it.
#[derive(Debug, Clone)]
pub struct Stores {
    /// `DATABASE_URL`: `postgres://…` or `sqlite://path`. Default: `sqlite://data/gatehouse.db`.
    pub database: DatabaseUrl,
    /// `REDIS_URL`: a server, the sentinels that know it, or a cluster. Unset: sessions live in the database.
    pub redis: Option<RedisUrl>,
    /// `STORE_TIMEOUT`: the longest wait for Redis or a database connection. Default: `250ms`.
    pub timeout: Duration,
    /// `MIGRATE_AT_START`: whether a start runs the migrations that the database lacks. Default: on.
    pub migrate_at_start: bool,
}

impl Stores {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            database: reader
                .read_hidden(
                    "DATABASE_URL",
                    "postgres://user:password@host[:port][,host…]/database or sqlite://path/to/file.db",
                    DatabaseUrl::parse,
                )
                .unwrap_or_default(),
            redis: reader.read_hidden(
                "REDIS_URL",
                "redis://[user:password@]host[:port][/number], redis-sentinel://…host[:port],…?master=NAME, \
                 redis-cluster://…host[:port],…, rediss… for TLS, or redis+unix:///path",
                RedisUrl::parse,
            ),
            timeout: reader.duration("STORE_TIMEOUT", Duration::from_millis(250), Duration::from_millis(10)),
            migrate_at_start: reader.on_or_off("MIGRATE_AT_START", true),
        }
    }

    /// What must not be printed.
    pub(super) fn secrets(&self) -> Vec<String> {
        let redis = self.redis.as_ref().map(RedisUrl::secrets).unwrap_or_default();
        [self.database.secrets(), redis].concat()
    }
}
