//! Tests a Redis whose master sentinels know, when that master dies, freezes and comes back.

use std::time::{Duration, Instant};

use crate::support::{
    load::Load,
    outage::{OutageTest, assert_stores_agree, builder},
    *,
};

/// From when the sentinels know the new master until everybody is served.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

#[actix_web::test]
async fn sentinels_master_killed_signs_nobody_out_and_brings_no_session_back() {
    let mut set = SentinelSet::start().await;
    let site = OutageTest::start(builder().on_redis_at(set.database())).await;
    let second = site.app.second_instance().await;
    let (_, leaver) = site.app.person("Grace Hopper").await;
    let ended = leaver.copy();
    leaver.post("/logout", &[]).await.to("/");
    set.wait_for_replica();

    let people = [&site.client, &site.other_client];
    let at_both = people.into_iter().flat_map(|client| [client.copy(), client.copy().at(&second)]);
    let load = Load::start(at_both.collect());
    set.servers[0].kill();
    set.wait_for_failover().await;
    let failed_over = Instant::now();
    eventually(|| async { site.ada.try_sign_in(&site.app.client()).await == 303 }).await;
    ended.copy().get("/profile").await.to("/login?next=%2Fprofile");

    set.servers[0].restart();
    assert!(set.servers[0].is_master(), "it takes itself for the master until the sentinels tell it");
    for _ in 0..20 {
        ended.copy().get("/profile").await.to("/login?next=%2Fprofile");
    }
    eventually(|| async { !set.servers[0].is_master() }).await;
    ended.copy().get("/profile").await.to("/login?next=%2Fprofile");
    let last_refused = load.stop().await.expect("a while without a master");
    let took = last_refused.saturating_duration_since(failed_over);
    eprintln!("everybody is served {took:?} after the failover");
    assert!(took < SERVED_WITHIN, "{took:?}");
    assert_eq!(site.app.count_ended_as("missing"), 0);
    site.assert_consistent();
}

/// A machine that is frozen has a sentinel too, which is the first that is asked.
#[actix_web::test]
async fn sentinels_master_frozen_and_thawed_ends_no_session_that_it_missed() {
    let set = SentinelSet::start().await;
    let site = OutageTest::start(builder().on_redis_at(set.database())).await;
    set.wait_for_replica();
    set.servers[0].freeze();
    set.sentinels[0].freeze();
    set.wait_for_failover().await;
    // The first instance asks for nothing meanwhile.
    let second = site.app.second_instance().await;
    let newcomer = second.client();
    eventually(|| async { site.ada.try_sign_in(&newcomer).await == 303 }).await;
    set.sentinels[0].thaw();
    set.servers[0].thaw();
    assert!(set.servers[0].is_master(), "it takes itself for the master until the sentinels tell it");
    let newcomer = newcomer.at(&site.app);
    for _ in 0..50 {
        let answer = newcomer.get("/profile").await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.summary());
    }
    site.assert_recovers("a thawed master").await;
    newcomer.get("/profile").await.expect(200);
    assert_eq!(site.app.count_ended_as("missing"), 0);
}

#[actix_web::test]
async fn sentinels_that_missed_a_failover_are_not_believed() {
    let mut set = SentinelSet::start().await;
    set.wait_for_replica();
    set.servers[0].kill();
    set.wait_for_failover().await;
    let [old, left_behind] = SentinelSet::start_left_behind();
    for order in [[left_behind.addr, set.sentinels[2].addr], [set.sentinels[2].addr, left_behind.addr]] {
        let app = builder().var("REDIS_URL", set.url_of(&order)).start().await;
        eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
        app.person("Ada Lovelace").await.1.get("/profile").await.expect(200);
    }
    let entries = |server: &RedisNode| server.database().keys().len();
    assert_eq!((entries(&set.servers[1]), entries(&old)), (2, 0));
}

#[actix_web::test]
async fn sentinels_over_tls_with_users_follow_a_failover() {
    let mut set = SentinelSet::start_with_tls().await;
    let authority = set.certificates().authority();
    let program =
        builder().on_redis_at(set.database()).var("SSL_CERT_FILE", authority.display()).start_program();
    let client = program.client();
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    Person::new("Ada Lovelace").register(&client).await;
    set.wait_for_replica();
    set.servers[0].kill();
    set.wait_for_failover().await;
    eventually(|| async { client.get("/profile").await.status == 200 }).await;
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    let (old, new) = (set.servers[0].addr.to_string(), set.servers[1].addr.to_string());
    let output = program.output();
    let connected: Vec<_> = output.lines().filter(|line| line.contains("Redis connected")).collect();
    assert!(connected.len() >= 2, "{connected:?}");
    assert!(connected[0].contains(&old) && connected.last().unwrap().contains(&new), "{connected:?}");
    for secret in ["p@ss/w", "p%40ss", "s&nt=l", "s%26nt"] {
        assert!(!output.contains(secret), "{secret} is in the log");
    }
}

#[actix_web::test]
async fn sentinels_messages_reach_other_instances_after_a_failover() {
    let mut set = SentinelSet::start().await;
    let site = OutageTest::start(builder().on_redis_at(set.database())).await;
    let second = site.app.second_instance().await;
    set.wait_for_replica();
    set.servers[0].kill();
    set.wait_for_failover().await;
    eventually(|| async { site.client.get("/profile").await.status == 200 }).await;
    let (_, admin) = site.app.admin("Grace Hopper").await;
    let mut events = admin.at(&second).events("/admin/sessions/events").await;
    let started = async {
        loop {
            let visitor = site.app.client();
            site.ada.sign_in(&visitor).await;
            let started = events.wait_for("started", |_| true);
            if tokio::time::timeout(Duration::from_secs(1), started).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), started).await.expect("no message reached the stream");
}

#[actix_web::test]
async fn sentinels_that_do_not_know_the_master_are_named_in_the_log() {
    let set = SentinelSet::start().await;
    let url = set.url().replace("master=sessions", "master=others");
    let program = builder().var("REDIS_URL", url).start_program();
    let failure = "Redis not reached at REDIS_URL, trying again until it is";
    eventually(|| async { program.output().contains(failure) }).await;
    assert!(program.output().contains("no sentinel says which Redis is the master"), "{}", program.output());
    program.client().get("/readyz").await.expect(503);
    drop(set);
}

#[actix_web::test]
async fn sentinels_restarted_empty_master_requires_login() {
    let set = SentinelSet::start().await;
    let site = OutageTest::start(builder().on_redis_at(set.database())).await;
    set.servers[0].run::<()>("FLUSHALL");
    site.client.get("/profile").await.to("/login?next=%2Fprofile");
    site.ada.sign_in(&site.client).await;
    site.client.get("/sessions").await.expect(200).has("This device");
    assert_stores_agree(&site.app);
}
