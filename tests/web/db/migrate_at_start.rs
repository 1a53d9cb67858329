//! Tests instances that start on a database without migrations: several at once, and with `MIGRATE_AT_START=off`.

use std::{fs, sync::Arc, sync::Mutex};

use tempfile::TempDir;

use crate::support::{forged_cookies::SECRET, *};

const INSTANCES: usize = 4;

/// The migrations that the program has, by the folders that it was built from.
fn all_migrations(database: &str) -> i64 {
    let folders = fs::read_dir(format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    i64::try_from(folders.count()).unwrap()
}

/// An instance that listens on a port of its own, and a client of it.
fn begin(database: &str, migrate_at_start: &str) -> (OwnProcess, Client) {
    let addr = free_addr();
    let vars = [
        ("DATABASE_URL", database),
        ("SESSION_SECRET", SECRET),
        ("MIGRATE_AT_START", migrate_at_start),
        ("STORE_TIMEOUT", "5s"),
        ("SMTP_URL", "smtp://127.0.0.1:9"),
        ("LISTEN_ADDR", &addr.to_string()),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (Program::begin(&vars), Client::new(Arc::new(Mutex::new(addr))))
}

async fn is_ready(client: &Client) -> bool {
    let answer = client.request(reqwest::Method::GET, "/readyz").try_send().await;
    answer.is_ok_and(|answer| answer.status == 200)
}

/// Starts instances on an empty database; returns what all of them printed.
async fn start_at_once(database: &str) -> String {
    let mut instances: Vec<_> = (0..INSTANCES).map(|_| begin(database, "on")).collect();
    for (process, client) in &mut instances {
        eventually(|| async { is_ready(client).await }).await;
        assert!(process.runs(), "{}", process.output());
    }
    instances.iter().map(|(process, _)| process.output()).collect()
}

/// Asserts that each migration was run by one instance, and that nothing went wrong.
fn assert_migrated_once(output: &str, migrations: i64) {
    assert_eq!(output.matches("database migrated").count(), 1, "{output}");
    assert!(output.contains(&format!("migrations={migrations}")), "{output}");
    assert!(!output.contains("ERROR"), "{output}");
}

#[actix_web::test]
async fn instances_that_start_at_once_migrate_postgres_once() {
    let database = PostgresDatabase::empty();
    let migrations = all_migrations("postgres");
    assert_migrated_once(&start_at_once(database.url()).await, migrations);
    assert_eq!(database.count("SELECT count(*) FROM __diesel_schema_migrations"), migrations);
    // Of this database: others migrate at the same time.
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(database.count(locks), 0);
}

#[actix_web::test]
async fn instances_that_start_at_once_migrate_sqlite_once() {
    let folder = TempDir::new().unwrap();
    let database = format!("sqlite://{}/new/site.db", folder.path().display());
    assert_migrated_once(&start_at_once(&database).await, all_migrations("sqlite"));
}

/// Asserts that an instance waits for `gatehouse migrate` and goes on by itself then.
async fn assert_waits_for_migrations(database: &str, migrations: i64) {
    let (process, client) = begin(database, "off");
    eventually(|| async {
        let asked = client.request(reqwest::Method::GET, "/readyz").try_send().await;
        asked.is_ok_and(|answer| answer.status == 503)
    })
    .await;
    client.get("/healthz").await.expect(200);
    client.post("/login", &[("email", "ada@example.org"), ("password", PASSWORD)]).await.expect(503);
    let said = process.output();
    let line = "the database lacks migrations, and MIGRATE_AT_START is off: not ready until `gatehouse migrate` was run";
    assert_eq!(said.matches(line).count(), 1, "{said}");
    assert!(said.contains(&format!("missing={migrations}")), "{said}");
    let vars = [("DATABASE_URL", database), ("SESSION_SECRET", SECRET), ("MIGRATE_AT_START", "off")];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let refused = Program::run(&["user", "list"], &vars, "").failed();
    assert!(
        refused.contains(&format!("lacks {migrations} migrations; run `gatehouse migrate`")),
        "{refused}"
    );
    let migrated = Program::run(&["migrate"], &vars, "").done();
    assert!(migrated.contains(&format!("{migrations} migrations were run.")), "{migrated}");
    eventually(|| async { is_ready(&client).await }).await;
    eventually(|| async { process.output().contains("/setup?token=") }).await;
    Program::run(&["user", "list"], &vars, "").done();
    let (_again, client) = begin(database, "off");
    eventually(|| async { is_ready(&client).await }).await;
}

#[actix_web::test]
async fn migrate_at_start_off_waits_for_migrate_on_postgres() {
    let database = PostgresDatabase::empty();
    assert_waits_for_migrations(database.url(), all_migrations("postgres")).await;
}

#[actix_web::test]
async fn migrate_at_start_off_waits_for_migrate_on_sqlite() {
    let folder = TempDir::new().unwrap();
    let database = format!("sqlite://{}/site.db", folder.path().display());
    assert_waits_for_migrations(&database, all_migrations("sqlite")).await;
}

#[actix_web::test]
async fn migrate_at_start_off_names_one_migration_that_is_missing() {
    let database = PostgresDatabase::fresh();
    database.run("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)");
    let (process, client) = begin(database.url(), "off");
    eventually(|| async { process.output().contains("missing=1") }).await;
    client.get("/readyz").await.expect(503);
}
