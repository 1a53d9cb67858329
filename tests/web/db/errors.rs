//! Tests that errors are told apart by the codes of the database, whatever their text says.

use actix_web::ResponseError as _;
use diesel::connection::SimpleConnection as _;
use gatehouse::{
    config::DatabaseUrl,
    db::{Connector, DbConnection},
    error::Error,
};

use crate::support::*;

/// What the application makes of the failure of these statements.
fn failure(conn: &mut DbConnection, statements: &str) -> Error {
    Error::from(conn.batch_execute(statements).expect_err(statements))
}

fn status(conn: &mut DbConnection, statements: &str) -> u16 {
    failure(conn, statements).status_code().as_u16()
}

#[test]
fn postgres_errors_are_classed_by_sqlstate() {
    let database = PostgresDatabase::empty();
    let url = DatabaseUrl::parse(database.url()).unwrap();
    let mut conn = Connector::new(url).connect().unwrap();
    let raise =
        |state: &str, text: &str| format!("DO $$ BEGIN RAISE '{text}' USING ERRCODE = '{state}'; END $$");
    for state in [
        "08006", "25006", "25P03", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01",
        "57P03", "58030",
    ] {
        assert_eq!(status(&mut conn, &raise(state, "Vorgang wurde abgebrochen")), 503, "{state}");
    }
    for state in ["22012", "23503", "23505", "42501", "42P01", "P0001", "XX000"] {
        for text in ["lock timeout", "database is locked", "terminating connection", "unique"] {
            let error = failure(&mut conn, &raise(state, text));
            assert_eq!(error.status_code().as_u16(), 500, "{state} {text}");
            assert_eq!(error.is_unique_violation(), state == "23505", "{state} {text}");
        }
    }
    assert_eq!(status(&mut conn, "SELECT 1/0"), 500);
    assert_eq!(status(&mut conn, "SELECT FROM nowhere"), 500);
    assert_eq!(status(&mut conn, "SET statement_timeout = 20; SELECT pg_sleep(10)"), 503);
    assert_eq!(status(&mut conn, "SELECT pg_terminate_backend(pg_backend_pid())"), 503);
}

/// `scripts/services` says so where it can make the server speak another language than that of the code.
#[test]
fn postgres_messages_are_in_the_language_that_the_script_says() {
    let database = PostgresDatabase::empty();
    let url = DatabaseUrl::parse(database.url()).unwrap();
    let mut conn = Connector::new(url).connect().unwrap();
    let message = conn.batch_execute("SELECT 1/0").unwrap_err().to_string();
    let english = std::env::var_os("TEST_POSTGRES_MESSAGES").is_none();
    assert_eq!(message == "division by zero", english, "{message}");
}

#[test]
fn sqlite_errors_are_classed_by_result_code() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite://{}/x.db", folder.path().display())).unwrap();
    let connector = Connector::with_timeouts(url, std::time::Duration::from_millis(20));
    let (mut conn, mut other) = (connector.connect().unwrap(), connector.connect().unwrap());
    conn.batch_execute("CREATE TABLE words (word TEXT UNIQUE)").unwrap();
    assert_eq!(status(&mut conn, "SELECT * FROM nowhere"), 500);
    conn.batch_execute("INSERT INTO words VALUES ('database is locked')").unwrap();
    let twice = failure(&mut conn, "INSERT INTO words VALUES ('database is locked')");
    assert!(twice.is_unique_violation() && twice.status_code() == 500, "{twice:?}");
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    assert_eq!(status(&mut conn, "INSERT INTO words VALUES ('busy')"), 503);
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(
        status(&mut conn, "PRAGMA max_page_count = 1; INSERT INTO words VALUES (zeroblob(100000))"),
        503
    );
    assert_eq!(status(&mut conn, "PRAGMA query_only = ON; DELETE FROM words"), 503);
}
