//! The stores of one test, and SQL against whichever database it is.

use std::net::SocketAddr;

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    deserialize::{self, FromSql},
    row::{Field, NamedRow, Row},
    sql_query,
    sql_types::Text,
    sqlite::Sqlite,
};
use gatehouse::{
    config::DatabaseUrl,
    db::{Connect, DbConnection},
};
use r2d2::ManageConnection as _;
use tempfile::TempDir;

use super::{
    faults::FaultProxy,
    postgres::{self, PostgresDatabase},
    redis::RedisDatabase,
    stack::Stack,
};

/// The database and, on its stack, the Redis database that a test's instances share. Dropped with the last of them.
pub struct Stores {
    stack: Stack,
    /// Goes first, so that nobody is connected through it when the database goes.
    proxies: Option<Proxies>,
    database_url: String,
    redis: Option<RedisDatabase>,
    _folder: TempDir,
    _database: Option<PostgresDatabase>,
}

struct Proxies {
    redis: Option<FaultProxy>,
    postgres: Option<FaultProxy>,
}

/// What a builder asks for.
#[derive(Default)]
pub(super) struct Wishes {
    pub proxied: bool,
    pub database_url: Option<String>,
    pub redis_url: Option<String>,
}

impl Stores {
    pub(super) fn new(stack: Stack, wishes: Wishes) -> Self {
        let folder = TempDir::new().unwrap();
        let mut database = None;
        let database_url = wishes.database_url.unwrap_or_else(|| match stack {
            Stack::Sqlite => format!("sqlite://{}/gatehouse.db", folder.path().display()),
            Stack::PostgresRedis => database.insert(PostgresDatabase::fresh()).url().to_owned(),
        });
        let redis = match (stack, wishes.redis_url) {
            (_, Some(url)) => Some(RedisDatabase::at(url)),
            (Stack::PostgresRedis, None) => Some(RedisDatabase::fresh()),
            (Stack::Sqlite, None) => None,
        };
        let proxies = wishes.proxied.then(|| Proxies {
            redis: redis.as_ref().map(|redis| FaultProxy::to(redis.addr())),
            postgres: database_url
                .starts_with("postgres")
                .then(|| FaultProxy::to(postgres::addr_of(&database_url))),
        });
        Self { stack, proxies, database_url, redis, _folder: folder, _database: database }
    }

    /// Which stack it is.
    pub fn stack(&self) -> Stack {
        self.stack
    }

    /// The variables that lead the application to these stores.
    pub fn vars(&self) -> Vec<(String, String)> {
        let through = |url: &str, own: SocketAddr, proxy: Option<&FaultProxy>| match proxy {
            Some(proxy) => url.replace(&own.to_string(), &proxy.addr().to_string()),
            None => url.to_owned(),
        };
        let proxies = self.proxies.as_ref();
        let database = match proxies.and_then(|proxies| proxies.postgres.as_ref()) {
            Some(proxy) => through(&self.database_url, postgres::addr_of(&self.database_url), Some(proxy)),
            None => self.database_url.clone(),
        };
        let mut vars = vec![("DATABASE_URL".to_owned(), database)];
        if let Some(redis) = &self.redis {
            let proxy = proxies.and_then(|proxies| proxies.redis.as_ref());
            vars.push(("REDIS_URL".to_owned(), through(redis.url(), redis.addr(), proxy)));
        }
        vars
    }

    /// The test's Redis database; panics where sessions live in SQL.
    pub fn redis(&self) -> &RedisDatabase {
        self.redis.as_ref().expect("this stack has no Redis")
    }

    /// What stands before Redis, if the test asked for it with [`super::Builder::through_proxies`].
    pub fn redis_proxy(&self) -> &FaultProxy {
        let proxies = self.proxies.as_ref().expect("ask for it: through_proxies()");
        proxies.redis.as_ref().expect("this stack has no Redis")
    }

    /// The same before Postgres.
    pub fn postgres_proxy(&self) -> &FaultProxy {
        let proxies = self.proxies.as_ref().expect("ask for it: through_proxies()");
        proxies.postgres.as_ref().expect("this stack has no Postgres")
    }

    /// Runs a statement and says how many rows it touched.
    #[track_caller]
    pub fn sql(&self, statement: &str) -> usize {
        match self.connect() {
            Database::Postgres(mut conn) => sql_query(statement).execute(&mut conn),
            Database::Sqlite(mut conn) => sql_query(statement).execute(&mut conn),
        }
        .unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Runs a `SELECT` and gives every value as text: SQLite's booleans are `0` and `1`, Postgres' `false` and `true`.
    #[track_caller]
    pub fn query_text(&self, select: &str) -> Vec<Vec<Option<String>>> {
        match self.connect() {
            Database::Postgres(mut conn) => {
                // Postgres would send binary values, each type in its own way; as JSON all are text.
                let select = format!(
                    "SELECT array_to_json(ARRAY(SELECT value FROM json_each_text(row_to_json(answer))))::text AS line \
                     FROM ({select}) AS answer"
                );
                let lines = sql_query(&select).load::<JsonLine>(&mut conn);
                let parse = |line: JsonLine| serde_json::from_str(&line.line).unwrap();
                lines.map(|lines| lines.into_iter().map(parse).collect())
            }
            Database::Sqlite(mut conn) => {
                let rows = sql_query(select).load::<TextRow>(&mut conn);
                rows.map(|rows| rows.into_iter().map(|row| row.0).collect())
            }
        }
        .unwrap_or_else(|error| panic!("{select}: {error}"))
    }

    /// The first value of the first row.
    #[track_caller]
    pub fn query_one(&self, select: &str) -> Option<String> {
        self.query_text(select).into_iter().next()?.into_iter().next()?
    }

    /// A connection for the product's own queries.
    #[track_caller]
    pub fn catalogue(&self) -> DbConnection {
        let url = DatabaseUrl::parse(&self.database_url).unwrap();
        Connect::new(url).connect().unwrap_or_else(|error| panic!("{}: {error}", self.database_url))
    }

    /// A connection past any proxy, to hold a lock or a transaction open.
    #[track_caller]
    pub fn connect(&self) -> Database {
        match self.database_url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut conn =
                    SqliteConnection::establish(path).unwrap_or_else(|error| panic!("{path}: {error}"));
                conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON").unwrap();
                Database::Sqlite(conn)
            }
            None => Database::Postgres(postgres::connect(&self.database_url)),
        }
    }
}

/// A connection of the test's own.
pub enum Database {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Database {
    /// Runs statements, parted by semicolons, on this connection.
    #[track_caller]
    pub fn run(&mut self, statements: &str) {
        match self {
            Self::Postgres(conn) => conn.batch_execute(statements),
            Self::Sqlite(conn) => conn.batch_execute(statements),
        }
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }
}

/// A text as an SQL literal.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[derive(QueryableByName)]
struct JsonLine {
    #[diesel(sql_type = Text)]
    line: String,
}

struct TextRow(Vec<Option<String>>);

impl QueryableByName<Sqlite> for TextRow {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        (0..row.field_count())
            .map(|column| match Row::get(row, column).as_ref().and_then(Field::value) {
                Some(value) => <String as FromSql<Text, Sqlite>>::from_sql(value).map(Some),
                None => Ok(None),
            })
            .collect::<deserialize::Result<_>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(stack: Stack) -> Vec<Vec<Option<String>>> {
        let stores = Stores::new(stack, Wishes::default());
        stores.sql("CREATE TABLE scratch (n integer, word text, empty text)");
        assert_eq!(stores.sql("INSERT INTO scratch VALUES (2, 'it''s', NULL), (1, 'ä', '')"), 2);
        assert_eq!(stores.query_one("SELECT count(*) FROM scratch").as_deref(), Some("2"));
        stores.query_text("SELECT word, n, empty FROM scratch ORDER BY n")
    }

    #[test]
    fn both_databases_answer_alike() {
        let text = |value: &str| Some(value.to_owned());
        let expected = [vec![text("ä"), text("1"), text("")], vec![text("it's"), text("2"), None]];
        assert_eq!(answers(Stack::Sqlite), expected);
        assert_eq!(answers(Stack::PostgresRedis), expected);
    }
}
