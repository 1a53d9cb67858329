//! Tests a Redis cluster: a node that dies and comes back, a slot that moves, and what needs all nodes.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::{
    load::Load,
    outage::{self, OutageTest},
    *,
};

/// From when the cluster is well again until everybody is served.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// An application that waits for longer than a busy machine takes to answer: what is refused at once is refused all the same.
fn builder() -> Builder {
    outage::builder().var("STORE_TIMEOUT", "2s")
}

/// Signs Ada in so often that each of three masters has some of the sessions.
async fn many(site: &OutageTest, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let client = site.app.client();
        site.ada.sign_in(&client).await;
        clients.push(client);
    }
    clients
}

/// The number of the master that has somebody's session.
async fn master_of(site: &OutageTest, cluster: &RedisCluster, client: &Client) -> usize {
    cluster.master_of(&site.app.redis_key_of(&own_session_id(client).await)).0
}

#[actix_web::test]
async fn cluster_node_killed_signs_nobody_out_and_brings_no_session_back() {
    let mut cluster = RedisCluster::start_with_replicas().await;
    let site = OutageTest::start(builder().on_redis_at(cluster.database())).await;
    let second = site.app.second_instance().await;
    let mut clients = many(&site, 6).await;
    let victim = master_of(&site, &cluster, &clients[0]).await;
    while master_of(&site, &cluster, &clients[clients.len() - 1]).await != victim {
        clients.extend(many(&site, 1).await);
    }
    let ended = clients[0].copy();
    clients[0].post("/logout", &[]).await.to("/");
    assert_eq!(cluster.nodes[victim].run::<u32>("WAIT 1 10000"), 1);

    let at_both = clients[1..].iter().enumerate();
    let at_both =
        at_both.map(|(index, client)| if index % 2 == 0 { client.copy() } else { client.at(&second) });
    let load = Load::start(at_both.collect());
    cluster.nodes[victim].kill();
    eventually(|| async { cluster.nodes[victim + 3].is_master() }).await;
    let failed_over = Instant::now();
    eventually(|| async { site.app.client().get("/readyz").await.status == 200 }).await;
    ended.copy().get("/profile").await.to("/login?next=%2Fprofile");

    cluster.nodes[victim].restart();
    for _ in 0..20 {
        ended.copy().get("/profile").await.to("/login?next=%2Fprofile");
    }
    cluster.wait_until_complete().await;
    ended.copy().get("/profile").await.to("/login?next=%2Fprofile");
    // Whoever could wait for the failover was not refused.
    let last_refused = load.stop().await;
    let took = last_refused.map_or(Duration::ZERO, |last| last.saturating_duration_since(failed_over));
    eprintln!("everybody is served {took:?} after the failover");
    assert!(took < SERVED_WITHIN, "{took:?}");
    assert_eq!(site.app.count_ended_as("missing"), 0);
    site.assert_consistent();
}

#[actix_web::test]
async fn cluster_node_frozen_and_thawed_ends_no_session() {
    let cluster = RedisCluster::start_with_replicas().await;
    let site = OutageTest::start(builder().on_redis_at(cluster.database())).await;
    let clients = many(&site, 9).await;
    for node in &cluster.nodes[..3] {
        assert_eq!(node.run::<u32>("WAIT 1 10000"), 1);
    }
    cluster.nodes[0].freeze();
    eventually(|| async { cluster.nodes[3].is_master() }).await;
    let newcomers = many_eventually(&site, 9).await;
    cluster.nodes[0].thaw();
    for _ in 0..10 {
        for client in clients.iter().chain(&newcomers) {
            let answer = client.get("/profile").await;
            assert!(matches!(answer.status, 200 | 503), "{}", answer.summary());
        }
    }
    cluster.wait_until_complete().await;
    for client in clients.iter().chain(&newcomers) {
        eventually(|| async { client.get("/profile").await.status == 200 }).await;
    }
    assert_eq!(site.app.count_ended_as("missing"), 0);
}

/// Signs in as soon as each is possible.
async fn many_eventually(site: &OutageTest, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let client = site.app.client();
        eventually(|| async { site.ada.try_sign_in(&client).await == 303 }).await;
        clients.push(client);
    }
    clients
}

/// Moves the slot of somebody's session while it is used.
async fn assert_slot_moves(cluster: &RedisCluster, to: impl Fn(usize) -> usize) {
    // What a busy machine takes is no refusal because of the move.
    let builder = builder().on_redis_at(cluster.database()).var("STORE_TIMEOUT", "20s");
    let site = OutageTest::start(builder).await;
    let (_, leaver) = site.app.person("Grace Hopper").await;
    let ended = leaver.copy();
    let key = site.app.redis_key_of(&own_session_id(&site.client).await);
    let (from, slot) = cluster.master_of(&key);
    let to = to(from);
    let load = Load::start((0..4).map(|_| site.client.copy()).chain([site.other_client.copy()]).collect());
    cluster.begin_to_move(slot, from, to);
    for _ in 0..10 {
        site.client.get("/profile").await.expect(200);
    }
    cluster.move_key(&key, from, to);
    // The slot is still the first master's, which sends on to the second. What it sends on must not get between another one's `ASKING`
    // and command.
    for _ in 0..10 {
        for answer in join_all((0..16).map(|_| site.client.get("/profile"))).await {
            answer.expect(200);
        }
    }
    cluster.end_move(slot, to);
    for _ in 0..10 {
        site.client.get("/profile").await.expect(200);
    }
    assert!(load.stop().await.is_none(), "somebody was refused");
    assert_eq!(cluster.master_of(&key), (to, slot));
    leaver.post("/logout", &[]).await.to("/");
    ended.get("/profile").await.to("/login?next=%2Fprofile");
    site.assert_consistent();
}

#[actix_web::test]
async fn cluster_slot_moves_under_load_without_a_refusal() {
    let cluster = RedisCluster::start().await;
    assert_slot_moves(&cluster, |from| (from + 1) % 3).await;
}

#[actix_web::test]
async fn cluster_slot_moves_to_a_node_that_has_just_joined() {
    let mut cluster = RedisCluster::start().await;
    let joined = cluster.join().await;
    assert_slot_moves(&cluster, |_| joined).await;
}

#[actix_web::test]
async fn cluster_over_tls_with_users_serves() {
    let cluster = RedisCluster::start_with_tls().await;
    let authority = cluster.certificates().authority();
    let program =
        builder().on_redis_at(cluster.database()).var("SSL_CERT_FILE", authority.display()).start_program();
    eventually(|| async { program.client().get("/readyz").await.status == 200 }).await;
    let ada = Person::new("Ada Lovelace");
    let client = program.client();
    ada.register(&client).await;
    for _ in 0..8 {
        ada.sign_in(&program.client()).await;
    }
    client.get("/sessions").await.expect(200).has("This device");
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    let entries = program.stores().redis().keys();
    assert_eq!(entries.len(), 1, "{entries:?}");
    client.post("/logout", &[]).await.to("/");
    assert_eq!(program.stores().redis().keys(), Vec::<String>::new());
}

#[actix_web::test]
async fn cluster_verify_walks_every_node() {
    let cluster = RedisCluster::start().await;
    let site = OutageTest::start(builder().on_redis_at(cluster.database())).await;
    for number in 0..24 {
        site.app.redis().set(&format!("sess:stray{number}"), "{}");
    }
    let vars = [site.app.stores().vars(), vec![("SESSION_SECRET".to_owned(), random_secret())]].concat();
    let verified = Program::run(&["sessions", "verify", "--repair"], &vars, "");
    for number in 0..24 {
        assert!(verified.stdout.contains(&format!("stray{number}")), "{verified:?}");
    }
    site.assert_consistent();
    assert_eq!(site.app.redis().keys().len(), 2, "{:?}", site.app.redis().keys());
}

#[actix_web::test]
async fn cluster_messages_reach_other_instances_from_any_node() {
    let mut cluster = RedisCluster::start().await;
    let site = OutageTest::start(builder().on_redis_at(cluster.database())).await;
    let second = site.app.second_instance().await;
    let (_, admin) = site.app.admin("Grace Hopper").await;
    let mut events = admin.at(&second).events("/admin/sessions/events").await;
    let started = async {
        loop {
            site.ada.sign_in(&site.app.client()).await;
            let started = events.wait_for("started", |_| true);
            if tokio::time::timeout(Duration::from_secs(1), started).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(15), started).await.expect("no message reached the stream");
    cluster.nodes[0].kill();
    site.app.client().get("/readyz").await.expect(503);
}

#[actix_web::test]
async fn cluster_restarted_as_a_whole_serves_again() {
    let mut cluster = RedisCluster::start().await;
    let site = OutageTest::start(builder().on_redis_at(cluster.database())).await;
    for node in &mut cluster.nodes {
        node.kill();
    }
    eventually(|| async { site.client.get("/profile").await.status == 503 }).await;
    for node in &mut cluster.nodes {
        node.restart();
    }
    cluster.wait_until_complete().await;
    site.assert_recovers("a restarted cluster").await;
}

#[actix_web::test]
async fn cluster_counts_guesses_for_all_instances() {
    let cluster = RedisCluster::start().await;
    let builder = builder().var("THROTTLE", "on").on_redis_at(cluster.database());
    let site = builder.start().await;
    eventually(|| async { site.client().get("/readyz").await.status == 200 }).await;
    let (ada, _) = site.person("Ada Lovelace").await;
    let second = site.second_instance().await;
    let guess = [("email", ada.email.as_str()), ("password", "wrong-guess-7")];
    for attempt in 0.. {
        if site.client().post("/login", &guess).await.status == 429 {
            break;
        }
        assert!(attempt < 40, "nobody was refused");
    }
    second.client().post("/login", &guess).await.expect(429);
}
