//! Where data is kept: the database and Redis.

use std::time::Duration;

use url::Url;

use super::{database_url::DatabaseUrl, reader::Reader};

/// Where data is kept, and how long requests wait for it.
#[derive(Debug, Clone)]
pub struct Stores {
    /// `DATABASE_URL`: `postgres://…` or `sqlite://path`. Default: `sqlite://data/gatehouse.db`.
    pub database: DatabaseUrl,
    /// `REDIS_URL`: `redis://` or `rediss://`. Unset: sessions live in the database.
    pub redis: Option<Url>,
    /// `STORE_TIMEOUT`: the longest wait for Redis or a database connection. Default: `250ms`.
    pub timeout: Duration,
}

impl Stores {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            database: reader.parse(
                "DATABASE_URL",
                "postgres://user:password@host/database or sqlite://path/to/file.db",
                DatabaseUrl::default(),
                DatabaseUrl::parse,
            ),
            redis: reader.url(
                "REDIS_URL",
                &["redis", "rediss"],
                "redis://[:password@]host[:port][/number] or rediss://…",
            ),
            timeout: reader.duration("STORE_TIMEOUT", Duration::from_millis(250), Duration::from_millis(10)),
        }
    }
}
