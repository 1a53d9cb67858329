//! Tests a database that answers but takes no writes, or takes too long for one: 503 with `Retry-After`, and `/readyz` says so.

use std::cell::Cell;

use futures_util::future::join;

use crate::support::{
    outage::{OutageTest, assert_unavailable, builder, timely},
    pool_routes, *,
};

async fn assert_not_ready(app: &TestApp) {
    timely(app.client().get("/readyz")).await.expect(503);
    assert_eq!(timely(app.ops().get("/readyz")).await.expect(503).json()["database"]["state"], "down");
}

async fn assert_refuses_changes(site: &OutageTest) {
    let credentials = [("email", site.ada.email.as_str()), ("password", &site.ada.password)];
    assert_unavailable(&site.app.client(), "/login", Some(&credentials)).await;
    assert_unavailable(&site.client, "/profile", Some(&[("name", "Half done")])).await;
    assert_not_ready(&site.app).await;
}

#[actix_web::test]
async fn postgres_standby_503_until_promoted() {
    let mut server = PostgresServer::start_own();
    let site = OutageTest::start(builder().on_postgres(&server)).await;
    server.restart_as_standby();
    eventually(|| async { site.client.get("/profile").await.status == 200 }).await;
    assert_refuses_changes(&site).await;
    server.promote();
    site.assert_recovers("Postgres promoted").await;
}

#[actix_web::test]
async fn postgres_standby_at_start_is_waited_for() {
    let mut server = PostgresServer::start_own();
    server.restart_as_standby();
    let app = builder().on_postgres(&server).not_set_up().start().await;
    app.client().get("/healthz").await.expect(200);
    assert_not_ready(&app).await;
    server.promote();
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    app.suppose_set_up().await;
    app.person("Ada Lovelace").await;
}

/// The connections that stay open go on reading only: new ones lead to a database that takes writes.
#[actix_web::test]
async fn postgres_connections_to_a_read_only_server_are_given_up() {
    let site = OutageTest::start(builder()).await;
    site.app.set_read_only(true);
    eventually(|| async { site.app.client().get("/readyz").await.status == 503 }).await;
    assert_refuses_changes(&site).await;
    site.app.set_read_only(false);
    site.assert_recovers("Postgres that reads only").await;
}

/// As after a failover: the connections that are left only read.
#[actix_web::test]
async fn postgres_work_that_has_begun_waits_for_a_server_that_takes_writes() {
    let (work, routes) = pool_routes::routes();
    let app = TestApp::builder(Stack::PostgresRedis).routes(routes).start().await;
    app.set_read_only(true);
    work.go_on(1);
    let client = app.client();
    let request = client.get("/work-with-retries/DELETE%20FROM%20tokens");
    let failover = async {
        let begun = Cell::new(0);
        eventually(|| async {
            begun.set(begun.get() + work.newly_begun());
            begun.get() > 1
        })
        .await;
        app.set_read_only(false);
        work.go_on(100);
    };
    let (answer, ()) = join(request, failover).await;
    let _ = answer.expect(200);
}

on_both_stacks!(locked_database_503_with_retry, |stack| async {
    let app = TestApp::builder(stack).with_ops().var("STORE_TIMEOUT", "400ms").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let lock = app.lock_users();
    let credentials = [("email", ada.email.as_str()), ("password", &ada.password)];
    assert_unavailable(&app.client(), "/login", Some(&credentials)).await;
    if stack == Stack::Sqlite {
        assert_not_ready(&app).await;
    }
    lock.commit();
    ada.sign_in(&app.client()).await.expect(303);
    app.client().get("/readyz").await.expect(200);
});

/// Requests whose work is these statements.
async fn assert_work_unavailable(stack: Stack, statements: &[&str]) {
    let (work, routes) = pool_routes::routes();
    let app = TestApp::builder(stack).routes(routes).start().await;
    for statements in statements {
        work.go_on(1);
        let path = format!("/work/{}", statements.replace(' ', "%20"));
        assert_unavailable(&app.client(), &path, None).await;
    }
}

#[actix_web::test]
async fn postgres_timeouts_503_with_retry() {
    let statements = [
        "SET statement_timeout=20; SELECT pg_sleep(9)",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; DELETE FROM tokens",
        // The connection of the one before is amid a transaction that has failed, and is not used again.
        "DO $$ BEGIN RAISE 'Serialisierung' USING ERRCODE = '40001'; END $$",
    ];
    assert_work_unavailable(Stack::PostgresRedis, &statements).await;
}

#[actix_web::test]
async fn sqlite_full_or_read_only_503_with_retry() {
    let statements = [
        "PRAGMA max_page_count=1; CREATE TABLE big AS SELECT randomblob(99999)",
        "PRAGMA query_only=ON; DELETE FROM tokens",
    ];
    assert_work_unavailable(Stack::Sqlite, &statements).await;
}
