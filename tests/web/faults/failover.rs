//! Tests a Redis server that is demoted while connections to it stay open: the application finds the server that took over.

use crate::support::{
    outage::{OutageTest, Part::SessionStore, builder},
    *,
};

/// An application on a server, through a proxy, and a replica of that server.
async fn start() -> (OutageTest, RedisServer, RedisServer) {
    let (server, replica) = (RedisServer::start_own(), RedisServer::start_own());
    replica.replicate(server.addr());
    let site = OutageTest::start(builder().on_redis(&server).through_proxies()).await;
    eventually(|| async { replica.database().keys() == server.database().keys() }).await;
    (site, server, replica)
}

#[actix_web::test]
async fn redis_demoted_to_replica_503_then_finds_new_master() {
    let (site, server, replica) = start().await;
    replica.promote();
    server.replicate(replica.addr());
    site.assert_down(SessionStore).await;
    site.app.stores().redis_proxy().lead_to(replica.addr());
    site.assert_recovers("Redis READONLY").await;
}

#[actix_web::test]
async fn redis_replica_without_master_503_then_finds_new_master() {
    let (site, server, replica) = start().await;
    replica.promote();
    server.database().command::<()>(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    // Nothing listens there.
    server.replicate(([127, 0, 0, 1], 1).into());
    site.assert_down(SessionStore).await;
    site.app.stores().redis_proxy().lead_to(replica.addr());
    site.assert_recovers("Redis MASTERDOWN").await;
}

/// Without a request in between, the connections are as they were when the server was demoted.
#[actix_web::test]
async fn redis_failover_unnoticed_finds_new_master() {
    let (site, server, replica) = start().await;
    replica.promote();
    server.replicate(replica.addr());
    site.app.stores().redis_proxy().lead_to(replica.addr());
    eventually(|| async { site.client.get("/profile").await.status == 200 }).await;
    let visitor = site.app.client();
    site.ada.sign_in(&visitor).await;
    for _ in 0..20 {
        site.client.get("/profile").await.expect(200);
    }
    site.assert_recovers("Redis failover").await;
}
