//! Tests outages of Redis (down, slow, hung, emptied): requests get a 503 in time, and the application recovers
//! without a restart.

use std::time::Duration;

use crate::support::{
    outage::{OutageTest, Part::SessionStore, assert_unavailable, builder},
    *,
};

/// Puts the proxy into a fault mode, checks the outage, ends the fault and checks the recovery.
async fn assert_503_then_recovers(mode: ProxyMode) {
    let site = OutageTest::start(builder().through_proxies()).await;
    let stores = site.app.stores();
    stores.redis_proxy().set(mode);
    site.assert_down(SessionStore).await;
    stores.redis_proxy().set(ProxyMode::Pass);
    site.assert_recovers(&format!("Redis {mode:?}")).await;
}

#[actix_web::test]
async fn redis_latency_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Latency(Duration::from_secs(2))).await;
}

#[actix_web::test]
async fn redis_slow_drip_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Drip(Duration::from_millis(200))).await;
}

#[actix_web::test]
async fn redis_blackhole_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Blackhole).await;
}

#[actix_web::test]
async fn redis_swallowed_traffic_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Swallow).await;
}

#[actix_web::test]
async fn redis_refused_connections_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Refuse).await;
}

#[actix_web::test]
async fn redis_cut_mid_response_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::CutAfter(5)).await;
}

#[actix_web::test]
async fn redis_reset_connections_replaced_before_next_request() {
    let site = OutageTest::start(builder().through_proxies()).await;
    let stores = site.app.stores();
    let proxy = stores.redis_proxy();
    let before = proxy.accepted();
    proxy.reset_connections();
    // The shared link, the subscription, and a link for each worker thread.
    let links = 2 + std::thread::available_parallelism().unwrap().get() as u64;
    eventually(|| async { proxy.accepted() >= before + links }).await;
    eventually(|| async { site.app.client().get("/readyz").await.status == 200 }).await;
    site.client.get("/profile").await.expect(200);
    site.assert_recovers("Redis reset").await;
}

#[actix_web::test]
async fn redis_sigstop_503_then_recovers() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.freeze();
    site.assert_down(SessionStore).await;
    server.thaw();
    site.assert_recovers("Redis SIGSTOP").await;
}

#[actix_web::test]
async fn redis_paused_writes_503_then_recovers() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    let redis = server.database();
    redis.command::<()>(&["CLIENT", "PAUSE", "600000", "WRITE"]);
    site.assert_down(SessionStore).await;
    redis.command::<()>(&["CLIENT", "UNPAUSE"]);
    site.assert_recovers("Redis CLIENT PAUSE WRITE").await;
}

/// A pause of all commands also delays the command that would end it.
#[actix_web::test]
async fn redis_paused_two_seconds_503_then_recovers() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.database().command::<()>(&["CLIENT", "PAUSE", "2000", "ALL"]);
    assert_unavailable(&site.client, "/profile", None).await;
    site.assert_recovers("Redis CLIENT PAUSE ALL, from one timeout after its start").await;
}

#[actix_web::test]
async fn redis_restarted_empty_requires_login() {
    let mut server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.kill();
    site.assert_down(SessionStore).await;
    server.restart();
    // All entries are lost, so every user has to sign in again.
    eventually(|| async { site.client.get("/profile").await.status == 303 }).await;
    site.ada.sign_in(&site.client).await;
    site.client.get("/sessions").await.expect(200).has("This device").lacks("Sign out everywhere else");
    site.assert_consistent();
}

#[actix_web::test]
async fn redis_flushed_requires_login() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.database().command::<()>(&["FLUSHALL"]);
    site.client.get("/profile").await.to("/login?next=%2Fprofile");
    site.other_client.get("/profile").await.to("/login?next=%2Fprofile");
    site.ada.sign_in(&site.client).await;
    site.client.get("/sessions").await.expect(200).has("This device").lacks("Sign out everywhere else");
    assert_eq!(site.app.count_ended_as("missing"), 2);
    site.assert_consistent();
}

#[actix_web::test]
async fn redis_connection_changes_logged_once() {
    let program = builder().through_proxies().start_program();
    let count = |text: &str| program.output().matches(text).count();
    eventually(|| async { count("Redis connected") == 1 }).await;
    let proxy = program.stores().redis_proxy();
    proxy.set(ProxyMode::Refuse);
    eventually(|| async { count("Redis not reached") == 1 }).await;
    for _ in 0..20 {
        program.client().get("/readyz").await.expect(503);
    }
    proxy.set(ProxyMode::Pass);
    eventually(|| async { count("Redis connected") == 2 }).await;
    eventually(|| async { program.client().get("/readyz").await.status == 200 }).await;
    eventually(|| async { count("ready again") == 1 }).await;
    let counts = ["Redis connected", "Redis connection lost", "Redis not reached"].map(count);
    assert_eq!(counts, [2, 1, 1], "{}", program.output());
}

#[actix_web::test]
async fn startup_before_redis_serves_then_recovers() {
    let mut server = RedisServer::start_own();
    server.kill();
    let program = builder().var("STORE_TIMEOUT", "2s").on_redis(&server).start_program();
    let client = program.client();
    client.get("/").await.expect(200);
    client.get("/healthz").await.expect(200);
    client.get("/readyz").await.expect(503);
    eventually(|| async { program.output().contains("Redis not reached") }).await;
    server.restart();
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    Person::new("Ada Lovelace").register(&client).await;
    client.get("/profile").await.expect(200);
}
