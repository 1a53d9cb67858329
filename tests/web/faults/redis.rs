//! Redis down, slow, hung, emptied or full: a moment's wait for those who are signed in, nothing more.

use std::time::Duration;

use crate::support::{
    outage::{OutageTest, Part::SessionStore, assert_unavailable, builder},
    *,
};

/// A fault of the network, from its beginning to some time after its end.
async fn survives(mode: ProxyMode) {
    let site = OutageTest::start(builder().through_proxies()).await;
    let stores = site.app.stores();
    stores.redis_proxy().set(mode);
    site.assert_down(SessionStore).await;
    stores.redis_proxy().set(ProxyMode::Pass);
    site.assert_recovers(&format!("Redis {mode:?}")).await;
}

#[actix_web::test]
async fn redis_answers_too_late() {
    survives(ProxyMode::Latency(Duration::from_secs(2))).await;
}

#[actix_web::test]
async fn redis_answers_in_drops() {
    survives(ProxyMode::Drip(Duration::from_millis(200))).await;
}

#[actix_web::test]
async fn redis_answers_after_the_network_has_held_everything() {
    survives(ProxyMode::Blackhole).await;
}

#[actix_web::test]
async fn redis_gets_new_connections_for_those_that_the_network_swallowed() {
    survives(ProxyMode::Swallow).await;
}

#[actix_web::test]
async fn redis_refuses_connections() {
    survives(ProxyMode::Refuse).await;
}

#[actix_web::test]
async fn redis_is_cut_off_in_the_middle_of_answers() {
    survives(ProxyMode::CutAfter(5)).await;
}

#[actix_web::test]
async fn connections_to_redis_that_were_reset_are_replaced_before_anybody_asks() {
    let site = OutageTest::start(builder().through_proxies()).await;
    let stores = site.app.stores();
    let before = stores.redis_proxy().accepted();
    stores.redis_proxy().reset_connections();
    eventually(|| async { stores.redis_proxy().accepted() > before }).await;
    eventually(|| async { site.app.client().get("/readyz").await.status == 200 }).await;
    site.here.get("/profile").await.expect(200);
    site.assert_recovers("Redis reset").await;
}

#[actix_web::test]
async fn redis_is_stopped_and_goes_on() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.freeze();
    site.assert_down(SessionStore).await;
    server.thaw();
    site.assert_recovers("Redis SIGSTOP").await;
}

#[actix_web::test]
async fn redis_is_paused_for_writing() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    let redis = server.database();
    redis.ask::<()>(&["CLIENT", "PAUSE", "600000", "WRITE"]);
    site.assert_down(SessionStore).await;
    redis.ask::<()>(&["CLIENT", "UNPAUSE"]);
    site.assert_recovers("Redis CLIENT PAUSE WRITE").await;
}

/// A pause of everything holds up even the command that would end it.
#[actix_web::test]
async fn redis_is_paused_for_two_seconds() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.database().ask::<()>(&["CLIENT", "PAUSE", "2000", "ALL"]);
    assert_unavailable(&site.here, "/profile", None).await;
    site.assert_recovers("Redis CLIENT PAUSE ALL, from one timeout after its beginning").await;
}

#[actix_web::test]
async fn redis_is_killed_and_comes_back_empty() {
    let mut server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.kill();
    site.assert_down(SessionStore).await;
    server.restart();
    // What it held is lost, so everybody has to sign in again.
    eventually(|| async { site.here.get("/profile").await.status == 303 }).await;
    site.ada.sign_in(&site.here).await;
    site.here.get("/sessions").await.expect(200).has("This device").lacks("Sign out everywhere else");
    site.assert_consistent();
}

#[actix_web::test]
async fn redis_is_emptied() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    server.database().ask::<()>(&["FLUSHALL"]);
    site.here.get("/profile").await.to("/login?next=%2Fprofile");
    site.elsewhere.get("/profile").await.to("/login?next=%2Fprofile");
    site.ada.sign_in(&site.here).await;
    site.here.get("/sessions").await.expect(200).has("This device").lacks("Sign out everywhere else");
    assert_eq!(site.app.count_ended_as("missing"), 2);
    site.assert_consistent();
}

const NEW_PASSWORD: &str = "a-quite-new-9-password";

#[actix_web::test]
async fn a_full_redis_keeps_its_sessions_and_takes_no_new_ones() {
    let server = RedisServer::start_own();
    let site = OutageTest::start(builder().on_redis(&server)).await;
    let redis = server.database();
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let visitor = site.app.client();
    let credentials = [("email", site.ada.email.as_str()), ("password", &site.ada.password)];
    assert_unavailable(&visitor, "/login", Some(&credentials)).await;
    assert!(visitor.cookies().is_empty());
    site.here.get("/profile").await.expect(200);
    let listed = site.here.get("/sessions").await.expect(200);
    assert_eq!(listed.attributes("li.session", "id").len(), 2, "the sign-in that failed is not listed");
    let change = [
        ("current_password", site.ada.password.as_str()),
        ("password", NEW_PASSWORD),
        ("password_confirmation", NEW_PASSWORD),
    ];
    assert_unavailable(&site.here, "/profile/password", Some(&change)).await;
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    // The old password: nothing was changed by halves.
    site.ada.sign_in(&visitor).await;
    visitor.get("/profile").await.expect(200);
}

#[actix_web::test]
async fn the_link_to_redis_is_logged_once_per_change() {
    let program = builder().through_proxies().start_program();
    let count = |text: &str| program.output().matches(text).count();
    eventually(|| async { count("Redis connected") == 1 }).await;
    let proxy = program.stores().redis_proxy();
    proxy.set(ProxyMode::Refuse);
    eventually(|| async { count("Redis not reached") == 1 }).await;
    for _ in 0..20 {
        assert_eq!(program.client().get("/readyz").await.expect(503).json()["session_store"], "down");
    }
    proxy.set(ProxyMode::Pass);
    eventually(|| async { count("Redis connected") == 2 }).await;
    eventually(|| async { program.client().get("/readyz").await.status == 200 }).await;
    let counts = ["Redis connected", "Redis connection lost", "Redis not reached"].map(count);
    assert_eq!(counts, [2, 1, 1], "{}", program.output());
}

#[actix_web::test]
async fn the_application_starts_before_redis() {
    let mut server = RedisServer::start_own();
    server.kill();
    let program = builder().var("STORE_TIMEOUT", "2s").on_redis(&server).start_program();
    let client = program.client();
    client.get("/").await.expect(200);
    client.get("/healthz").await.expect(200);
    assert_eq!(client.get("/readyz").await.expect(503).json()["session_store"], "down");
    eventually(|| async { program.output().contains("Redis not reached") }).await;
    server.restart();
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    Person::new("Ada Lovelace").register(&client).await;
    client.get("/profile").await.expect(200);
}
