//! Tests that the last released version goes on with the newest schema: the statements that it runs on Postgres can still be prepared, and
//! rows that it inserts lack nothing.
//!
//! `scripts/statements` records them at each release.

use std::collections::BTreeSet;

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _, sql_types::Text,
};

use crate::support::PostgresDatabase;

const STATEMENTS: &str = include_str!("statements.sql");

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The columns of a table that each new row has to name.
fn required_columns(conn: &mut PgConnection, table: &str) -> Vec<String> {
    let query = "SELECT column_name::text AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 \
         AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'";
    let columns: Vec<Column> = diesel::sql_query(query).bind::<Text, _>(table).load(conn).unwrap();
    columns.into_iter().map(|column| column.name).collect()
}

/// The table of an `INSERT`, and the columns that it names.
fn inserted(statement: &str) -> Option<(String, BTreeSet<String>)> {
    let rest = statement.strip_prefix("INSERT INTO ")?;
    let (table, rest) = rest.split_once('(')?;
    let (columns, _) = rest.split_once(')')?;
    let name = |text: &str| text.trim().trim_matches('"').to_owned();
    Some((name(table), columns.split(',').map(name).collect()))
}

/// The statements that fail, with the reason.
fn failing(conn: &mut PgConnection, statements: &str) -> Vec<String> {
    let mut failing = Vec::new();
    for statement in statements.lines().filter(|line| !line.starts_with("--")) {
        if let Err(error) = conn.batch_execute(&format!("PREPARE old AS {statement}; DEALLOCATE old")) {
            failing.push(format!("{error}: {statement}"));
        }
        if let Some((table, columns)) = inserted(statement) {
            let missing: Vec<_> = required_columns(conn, &table)
                .into_iter()
                .filter(|column| !columns.contains(column))
                .collect();
            if !missing.is_empty() {
                failing.push(format!("{missing:?} must not be null: {statement}"));
            }
        }
    }
    failing
}

#[test]
fn statements_of_the_last_release_work_on_the_newest_schema() {
    let database = PostgresDatabase::fresh();
    let failing = failing(&mut database.hold("SELECT 1"), STATEMENTS);
    assert!(
        failing.is_empty(),
        "a migration takes from the last release what it uses:\n{}",
        failing.join("\n")
    );
    assert!(STATEMENTS.lines().count() > 200, "nearly nothing was recorded");
}

#[test]
fn migrations_that_the_last_release_would_not_survive_are_found() {
    for change in [
        "ALTER TABLE users DROP COLUMN pending_email",
        "ALTER TABLE sessions RENAME COLUMN last_seen_at TO seen_at",
        "ALTER TABLE sessions RENAME TO logins",
        "ALTER TABLE events ADD COLUMN origin text NOT NULL DEFAULT ''; ALTER TABLE events ALTER COLUMN origin DROP DEFAULT",
    ] {
        let database = PostgresDatabase::fresh();
        database.run(change);
        assert!(!failing(&mut database.hold("SELECT 1"), STATEMENTS).is_empty(), "{change}");
    }
    let database = PostgresDatabase::fresh();
    database.run("ALTER TABLE users ADD COLUMN nickname text; CREATE TABLE clubs (id int NOT NULL)");
    assert_eq!(failing(&mut database.hold("SELECT 1"), STATEMENTS), Vec::<String>::new());
}
