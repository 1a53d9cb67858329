//! Tests a database that gives fewer connections than the pool would have.

use std::time::Instant;

use crate::support::{
    outage::{OutageTest, builder, timely},
    *,
};

/// Asserts that pages and sign-ins work while many ask at once.
async fn assert_serves_many(site: &OutageTest) {
    let visitors: Vec<Client> = (0..6).map(|_| site.app.client()).collect();
    // On a busy machine too many passwords may wait at once, which is said and has nothing to do with the database.
    let sign_ins =
        visitors.iter().map(|visitor| eventually(|| async { site.ada.try_sign_in(visitor).await == 303 }));
    futures_util::future::join_all(sign_ins).await;
    let pages = visitors.iter().map(|visitor| timely(visitor.get("/profile")));
    for answer in futures_util::future::join_all(pages).await {
        answer.expect(200);
    }
}

on_linked_backends!(postgres_role_with_few_connections_serves_pages_and_sign_ins, |backend| async {
    // Without Redis one more listens.
    let fewest = if backend == Backend::Postgres { 3 } else { 2 };
    for connections in [fewest, 4, 8] {
        let mut server = PostgresServer::start_own();
        let url = server.limited_to(connections);
        let builder = builder().sessions_in(backend).on_postgres(&server).var("DATABASE_URL", url);
        let site = OutageTest::start(builder).await;
        assert_serves_many(&site).await;
        site.app.client().get("/readyz").await.expect(200);
        // The pool and the lookup ask for connections at the same time now.
        server.restart();
        site.assert_recovers(&format!("Postgres with {connections} connections")).await;
        assert_serves_many(&site).await;
    }
});

#[actix_web::test]
async fn postgres_lookup_gets_a_connection_when_the_pool_has_taken_all() {
    let mut server = PostgresServer::start_own();
    let url = server.limited_to(4);
    let site = OutageTest::start(builder().on_postgres(&server).var("DATABASE_URL", url)).await;
    server.restart();
    // Sign-ins use the pool alone, and no page has been asked for since.
    eventually(|| async {
        let visitors: Vec<Client> = (0..8).map(|_| site.app.client()).collect();
        futures_util::future::join_all(visitors.iter().map(|visitor| site.ada.try_sign_in(visitor))).await;
        server.connections_of_limited() == 4
    })
    .await;
    eventually(|| async { site.ada.try_sign_in(&site.app.client()).await == 303 }).await;
    timely(site.client.get("/profile")).await.expect(200);
}

#[actix_web::test]
async fn postgres_role_with_two_connections_is_ready_when_it_has_started() {
    let server = PostgresServer::start_own();
    let url = server.limited_to(2);
    // Longer than a busy machine takes: an instance that lacks a connection does not get it later either.
    let builder = builder().on_postgres(&server).var("DATABASE_URL", url).var("STORE_TIMEOUT", "5s");
    let mut app = builder.not_set_up().start().await;
    for _ in 0..5 {
        app.client().get("/readyz").await.expect(200);
        app.stop().await;
        eventually(|| async { server.connections_of_limited() == 0 }).await;
        app.restart().await;
    }
    let link = app.setup_link().expect("the database was reached").to_owned();
    Person::new("Grace Hopper").set_up(&app.client(), &link).await;
}

/// A pool that can't grow asks now and then, not all the time.
#[actix_web::test]
async fn postgres_refused_connections_are_not_asked_for_without_pause() {
    let server = PostgresServer::start_own();
    let url = server.limited_to(3);
    let site = OutageTest::start(builder().on_postgres(&server).var("DATABASE_URL", url)).await;
    assert_serves_many(&site).await;
    let refused = || server.output().matches("too many connections").count();
    let (before, start) = (refused(), Instant::now());
    eventually(|| async { refused() >= before + 3 }).await;
    let expected = start.elapsed().as_millis() / 500 + 1;
    assert!(u128::try_from(refused() - before).unwrap() <= expected + 3, "{:?}", start.elapsed());
}
