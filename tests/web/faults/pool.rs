//! Tests the pool of database connections when it is exhausted, and when Postgres hangs during a query.

use crate::support::{
    outage::{OutageTest, assert_unavailable, builder, timely},
    pool_routes::{self, PoolWork},
    *,
};

#[actix_web::test]
async fn db_pool_exhausted_503_only_where_needed() {
    const POOL: usize = 8;
    let (work, routes) = pool_routes::routes();
    let site = OutageTest::start(builder().routes(routes)).await;
    let keepers: Vec<_> = (0..POOL)
        .map(|_| {
            let client = site.app.client();
            actix_web::rt::spawn(async move { client.get("/keep").await.expect(200) })
        })
        .collect();
    let mut kept = 0;
    eventually(|| {
        kept += work.newly_begun();
        let full = kept == POOL;
        async move { full }
    })
    .await;
    assert_unavailable(&site.client, "/sessions", None).await;
    assert_unavailable(&site.client, "/logout", Some(&[])).await;
    timely(site.client.get("/profile")).await.expect(200);
    timely(site.client.get("/")).await.expect(200);
    work.go_on(POOL);
    futures_util::future::join_all(keepers).await;
    site.assert_recovers("Postgres with its pool exhausted").await;
}

/// Sends a request whose work has begun in a connection of the pool, and runs this statement once it goes on.
async fn start_query(sql: &str) -> (OutageTest, actix_web::rt::task::JoinHandle<Answer>, PoolWork) {
    let (work, routes) = pool_routes::routes();
    let site = OutageTest::start(builder().through_proxies().routes(routes)).await;
    let (client, path) = (site.app.client(), format!("/work/{}", sql.replace(' ', "%20")));
    let answer = actix_web::rt::spawn(async move { timely(client.get(&path)).await });
    eventually(|| async { work.newly_begun() == 1 }).await;
    (site, answer, work)
}

#[actix_web::test]
async fn db_query_in_progress_503_when_postgres_hangs() {
    let (site, answer, work) = start_query("SELECT 1").await;
    let stores = site.app.stores();
    stores.postgres_proxy().set(ProxyMode::Swallow);
    work.go_on(1);
    answer.await.unwrap().expect(503);
    stores.postgres_proxy().set(ProxyMode::Pass);
    site.assert_recovers("Postgres hanging in the middle of work").await;
}

#[actix_web::test]
async fn db_slow_query_succeeds_while_postgres_responds() {
    let (site, answer, work) = start_query("SELECT pg_sleep(0.6)").await;
    work.go_on(1);
    site.client.get("/profile").await.expect(200);
    answer.await.unwrap().expect(200);
}
