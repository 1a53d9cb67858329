//! Tests outages of Postgres (down, slow, hung, locked, out of connections): requests get a 503 in time, and the
//! application recovers without a restart.

use std::time::{Duration, Instant};

use crate::support::{
    outage::{OutageTest, Part::Database, assert_unavailable, builder, timely},
    *,
};

/// Puts the proxy into a fault mode, checks the outage, ends the fault and checks the recovery.
async fn assert_503_then_recovers(mode: ProxyMode) {
    let site = OutageTest::start(builder().through_proxies()).await;
    let stores = site.app.stores();
    stores.postgres_proxy().set(mode);
    site.assert_down(Database).await;
    stores.postgres_proxy().set(ProxyMode::Pass);
    site.assert_recovers(&format!("Postgres {mode:?}")).await;
}

#[actix_web::test]
async fn postgres_latency_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Latency(Duration::from_secs(2))).await;
}

#[actix_web::test]
async fn postgres_slow_drip_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Drip(Duration::from_millis(200))).await;
}

#[actix_web::test]
async fn postgres_blackhole_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Blackhole).await;
}

#[actix_web::test]
async fn postgres_swallowed_traffic_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Swallow).await;
}

#[actix_web::test]
async fn postgres_refused_connections_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::Refuse).await;
}

#[actix_web::test]
async fn postgres_cut_mid_response_503_then_recovers() {
    assert_503_then_recovers(ProxyMode::CutAfter(10)).await;
}

/// Only sign-ins are sent during the fault, so that no session lookup hangs as well.
#[actix_web::test]
async fn postgres_pool_of_dead_connections_is_replaced() {
    let site = OutageTest::start(builder().through_proxies()).await;
    let stores = site.app.stores();
    stores.postgres_proxy().set(ProxyMode::Swallow);
    let credentials = [("email", site.ada.email.as_str()), ("password", &site.ada.password)];
    let visitors: Vec<Client> = (0..12).map(|_| site.app.client()).collect();
    let all = visitors.iter().map(|visitor| assert_unavailable(visitor, "/login", Some(&credentials)));
    futures_util::future::join_all(all).await;
    stores.postgres_proxy().set(ProxyMode::Pass);
    site.assert_recovers("Postgres with a pool of dead connections").await;
}

#[actix_web::test]
async fn postgres_reset_connections_are_replaced() {
    let site = OutageTest::start(builder().through_proxies()).await;
    site.app.stores().postgres_proxy().reset_connections();
    site.client.get("/profile").await.expect(200);
    site.client.get("/sessions").await.expect(200);
    site.assert_recovers("Postgres reset").await;
}

#[actix_web::test]
async fn postgres_sigstop_503_then_recovers() {
    let server = PostgresServer::start_own();
    let site = OutageTest::start(builder().on_postgres(&server)).await;
    server.freeze();
    site.assert_down(Database).await;
    server.thaw();
    site.assert_recovers("Postgres SIGSTOP").await;
}

#[actix_web::test]
async fn postgres_kill_503_then_recovers() {
    let mut server = PostgresServer::start_own();
    let site = OutageTest::start(builder().on_postgres(&server)).await;
    server.kill();
    site.assert_down(Database).await;
    server.restart();
    site.assert_recovers("Postgres kill -9").await;
}

#[actix_web::test]
async fn postgres_locked_table_503_in_time() {
    for table in ["sessions", "users"] {
        let site = OutageTest::start(builder()).await;
        let lock = site.app.lock_table(table);
        let credentials = [("email", site.ada.email.as_str()), ("password", &site.ada.password)];
        for path in ["/profile", "/sessions"] {
            assert_unavailable(&site.client, path, None).await;
        }
        assert_unavailable(&site.client, "/logout", Some(&[])).await;
        assert_unavailable(&site.app.client(), "/login", Some(&credentials)).await;
        timely(site.app.client().get("/")).await.expect(200);
        timely(site.client.get("/")).await.expect(200);
        timely(site.client.get("/static/app.css")).await.expect(200);
        lock.commit();
        site.assert_recovers(&format!("Postgres with {table} locked")).await;
    }
}

#[actix_web::test]
async fn postgres_hang_keeps_threads_and_connections_bounded() {
    let program = builder().through_proxies().start_program();
    let ada = Person::new("Ada Lovelace");
    let here = program.client();
    eventually(|| async { program.client().get("/readyz").await.status == 200 }).await;
    ada.register(&here).await;
    let threads = || std::fs::read_dir(format!("/proc/{}/task", program.id())).unwrap().count();
    let proxy = program.stores().postgres_proxy();
    let (threads_before, accepted_before) = (threads(), proxy.accepted());
    proxy.set(ProxyMode::Swallow);
    let (start, mut most) = (Instant::now(), 0);
    let credentials = [("email", ada.email.as_str()), ("password", &ada.password)];
    let mut requests = 0;
    while start.elapsed() < Duration::from_secs(5) || requests < 60 {
        let clients: Vec<Client> = (0..6).map(|_| program.client()).collect();
        let sign_ins = clients.iter().map(|client| timely(client.post("/login", &credentials)));
        let pages = (0..6).map(|_| timely(here.get("/profile")));
        let (sign_ins, pages) =
            tokio::join!(futures_util::future::join_all(sign_ins), futures_util::future::join_all(pages));
        for answer in sign_ins.into_iter().chain(pages) {
            answer.expect(503);
            requests += 1;
        }
        most = most.max(threads());
    }
    let (accepted, seconds) = (proxy.accepted() - accepted_before, start.elapsed().as_secs());
    eprintln!(
        "{requests} requests, {threads_before} threads before, {most} at most, {accepted} connections tried"
    );
    assert!(most < threads_before + 60, "{most} threads, before {threads_before}");
    assert!(accepted < 12 * seconds, "{accepted} connections in {seconds} seconds");
    proxy.set(ProxyMode::Pass);
    eventually(|| async { here.get("/profile").await.status == 200 }).await;
    eventually(|| async { program.output().contains("the database answers again") }).await;
    for entry in ["the database does not answer, trying again", "the database answers again"] {
        assert_eq!(program.output().matches(entry).count(), 1, "logged once");
    }
}

#[actix_web::test]
async fn startup_before_postgres_serves_then_recovers() {
    let mut server = PostgresServer::start_own();
    server.kill();
    let program = builder().var("STORE_TIMEOUT", "2s").on_postgres(&server).not_set_up().start_program();
    let client = program.client();
    client.get("/").await.expect(200);
    client.get("/healthz").await.expect(200);
    client.get("/readyz").await.expect(503);
    assert_unavailable(&client, "/login", Some(&[("email", "a@example.org"), ("password", PASSWORD)])).await;
    eventually(|| async { program.output().contains("the database of DATABASE_URL is not reached") }).await;
    server.restart();
    let link = eventually(|| async {
        let output = program.output();
        let line = output.lines().find(|line| line.contains("/setup?token="))?;
        Some(line.trim().to_owned())
    });
    let link = link.await;
    client.get(&link).await.expect(200);
    client.get("/readyz").await.expect(200);
    Person::new("Ada Lovelace").set_up(&client, &link).await;
    client.get("/profile").await.expect(200);
}

#[actix_web::test]
async fn startup_while_postgres_hangs_serves_then_recovers() {
    let server = PostgresServer::start_own();
    server.freeze();
    let program = builder().on_postgres(&server).not_set_up().start_program();
    timely(program.client().get("/healthz")).await.expect(200);
    timely(program.client().get("/readyz")).await.expect(503);
    server.thaw();
    eventually(|| async { program.output().contains("/setup?token=") }).await;
}
