//! SQL against whichever database a test has, and in the files below what tests read of its tables and change in them
//! behind the application's back.

mod bulk_ends;
mod consistency;
mod device_keys;
mod drills;
mod events;
mod everything;
mod locks;
mod mails;
mod samples;
mod session_ends;
mod session_times;
mod sessions;
mod sign_in_notices;
mod site_cookies;
mod store_entries;
mod throttle_counts;
mod tokens;
mod users;

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    deserialize::{self, FromSql},
    row::{Field, NamedRow, Row},
    sql_query,
    sql_types::Text,
    sqlite::Sqlite,
};
use time::{PrimitiveDateTime, macros::format_description};

pub use locks::HeldLock;
pub use session_times::SessionTime;

use super::{postgres, stores::Stores};

/// Rows as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

impl Stores {
    /// Runs a statement; returns how many rows it changed.
    #[track_caller]
    pub(super) fn sql(&self, statement: &str) -> usize {
        match self.connect() {
            Database::Postgres(mut conn) => sql_query(statement).execute(&mut conn),
            Database::Sqlite(mut conn) => sql_query(statement).execute(&mut conn),
        }
        .unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Runs several statements, separated by semicolons.
    #[track_caller]
    pub fn run_script(&self, statements: &str) {
        self.connect().run(statements);
    }

    /// Runs a `SELECT`; returns every value as text: SQLite's booleans are `0` and `1`, Postgres' `false` and `true`.
    #[track_caller]
    pub fn query_text(&self, select: &str) -> Rows {
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
    pub(super) fn query_one(&self, select: &str) -> Option<String> {
        self.query_text(select).into_iter().next()?.into_iter().next()?
    }

    /// The first column, in which no value is NULL.
    #[track_caller]
    pub(super) fn query_column(&self, select: &str) -> Vec<String> {
        self.query_text(select).into_iter().map(|row| row.into_iter().next().flatten().unwrap()).collect()
    }

    /// How many rows there are: `count("sessions WHERE remembered")`.
    #[track_caller]
    pub(super) fn count(&self, rows: &str) -> usize {
        self.query_one(&format!("SELECT count(*) FROM {rows}")).unwrap().parse().unwrap()
    }

    /// A connection past any proxy, to hold a lock or a transaction open.
    #[track_caller]
    pub(super) fn connect(&self) -> Database {
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
pub(super) enum Database {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Database {
    /// Runs statements, separated by semicolons, on this connection.
    #[track_caller]
    pub(super) fn run(&mut self, statements: &str) {
        match self {
            Self::Postgres(conn) => conn.batch_execute(statements),
            Self::Sqlite(conn) => conn.batch_execute(statements),
        }
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }
}

/// A text as an SQL literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A time in UTC as both databases read it.
pub(super) fn timestamp(at: PrimitiveDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]")).unwrap()
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
    use crate::support::{stack::Stack, stores::StoreOptions};

    fn answers(stack: Stack) -> Rows {
        let stores = Stores::new(stack, StoreOptions::default());
        stores.sql("CREATE TABLE scratch (n integer, word text, empty text)");
        assert_eq!(stores.sql("INSERT INTO scratch VALUES (2, 'it''s', NULL), (1, 'ä', '')"), 2);
        assert_eq!(stores.query_one("SELECT count(*) FROM scratch").as_deref(), Some("2"));
        stores.query_text("SELECT word, n, empty FROM scratch ORDER BY n")
    }

    #[test]
    fn query_text_is_the_same_on_both_databases() {
        let text = |value: &str| Some(value.to_owned());
        let expected = [vec![text("ä"), text("1"), text("")], vec![text("it's"), text("2"), None]];
        assert_eq!(answers(Stack::Sqlite), expected);
        assert_eq!(answers(Stack::PostgresRedis), expected);
    }
}
