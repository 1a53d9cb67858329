//! Tests several hosts in `DATABASE_URL`: the primary dies or freezes, and its standby is promoted.

use std::time::{Duration, Instant};

use crate::support::{
    load::Load,
    outage::{OutageTest, builder},
    *,
};

/// From when the standby is promoted until everybody is served, on a busy machine; about a second otherwise.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// A primary and a standby that has all that was committed.
fn pair() -> [PostgresServer; 2] {
    let primary = PostgresServer::start_own();
    let standby = primary.standby();
    primary.commit_at_standby_too();
    [primary, standby]
}

/// Both in this order. The tests themselves connect by it too, and would wait for a frozen one without end.
fn url(servers: &[PostgresServer; 2]) -> String {
    let [one, two] = servers.each_ref().map(PostgresServer::addr);
    format!("postgres://postgres@{one},{two}/postgres?target_session_attrs=read-write&connect_timeout=2")
}

/// The gated page, once the application is served again.
async fn served_profile(client: &Client, app: &TestApp) -> Answer {
    eventually(|| async {
        let answer = client.copy().at(app).get("/profile").await;
        (answer.status != 503).then_some(answer)
    })
    .await
}

/// Asserts that the session of a browser has ended, once the application is served again.
async fn assert_ended(ended: &Client, app: &TestApp) {
    served_profile(ended, app).await.to("/login?next=%2Fprofile");
}

/// The primary dies under load, and its standby is promoted.
async fn fail_over(
    site: &OutageTest,
    second: &TestApp,
    primary: &mut PostgresServer,
    standby: &PostgresServer,
) {
    let (_, leaver) = site.app.person("Grace Hopper").await;
    let ended = leaver.copy();
    leaver.post("/logout", &[]).await.to("/");
    let people = [&site.client, &site.other_client];
    let at_both = people.into_iter().flat_map(|client| [client.copy(), client.copy().at(second)]);
    let load = Load::start(at_both.collect());
    primary.kill();
    eventually(|| async { site.client.copy().get("/profile").await.status == 503 }).await;
    standby.promote();
    let promoted = Instant::now();
    for app in [&site.app, second] {
        eventually(|| async { site.ada.try_sign_in(&app.client()).await == 303 }).await;
        assert_ended(&ended, app).await;
    }
    let last_refused = load.stop().await.expect("a while without a primary");
    let took = last_refused.saturating_duration_since(promoted);
    eprintln!("everybody is served {took:?} after the promotion");
    assert!(took < SERVED_WITHIN, "{took:?}");
    site.app.delete_user(Person::new("Grace Hopper"));
}

#[actix_web::test]
async fn postgres_primary_killed_and_standby_promoted_signs_nobody_out() {
    let mut servers = pair();
    let site = OutageTest::start(builder().on_postgres_at(url(&servers))).await;
    let second = site.app.second_instance().await;
    let [one, two] = &mut servers;
    fail_over(&site, &second, one, two).await;
    // And back: the first comes again as a standby of the second.
    one.become_standby_of(two);
    two.commit_at_standby_too();
    fail_over(&site, &second, two, one).await;
    assert_eq!(site.app.count_ended_as("missing"), 0);
    site.assert_recovers("a second failover").await;
}

#[actix_web::test]
async fn postgres_primary_frozen_and_standby_promoted_is_left() {
    let mut servers = pair();
    let builder = builder().sessions_in(Backend::Postgres).on_postgres_at(url(&servers));
    let site = OutageTest::start(builder).await;
    let second = site.app.second_instance().await;
    servers[0].freeze();
    eventually(|| async { site.client.get("/profile").await.status == 503 }).await;
    servers[1].promote();
    site.assert_recovers("a promoted standby").await;
    // Messages go over the new primary too.
    let there = site.other_client.at(&second);
    eventually(|| async { there.get("/profile").await.status == 200 }).await;
    let mut own = there.events("/session/events").await;
    let ended = site.other_client.copy();
    eventually(|| async { site.other_client.copy().post("/logout", &[]).await.status == 303 }).await;
    assert_eq!(own.wait_for("signed-out", |_| true).await["reason"], "logout");

    // Both take themselves for the primary, and the old one has the ended session.
    servers[0].thaw();
    let visitors: Vec<Client> = (0..12).map(|_| site.app.client()).collect();
    for app in [&site.app, &second] {
        futures_util::future::join_all(visitors.iter().map(|visitor| site.ada.try_sign_in(visitor))).await;
        let answer = ended.copy().at(app).get("/profile").await;
        assert!(matches!(answer.status, 303 | 503), "{}", answer.summary());
    }
    servers[0].kill();
    for app in [&site.app, &second] {
        eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
        assert_ended(&ended, app).await;
    }
}

#[actix_web::test]
async fn postgres_primary_that_still_shuts_down_is_left_once_another_has_taken_over() {
    let servers = pair();
    let builder = builder().sessions_in(Backend::Postgres).on_postgres_at(url(&servers));
    let site = OutageTest::start(builder).await;
    let ended = site.other_client.copy();
    ended.copy().get("/profile").await.expect(200);
    servers[0].shut_down_except_for_lookups();
    servers[1].promote();
    eventually(|| async { site.other_client.copy().post("/logout", &[]).await.status == 303 }).await;
    assert_ended(&ended, &site.app).await;
    let visitor = site.app.client();
    eventually(|| async { site.ada.try_sign_in(&visitor).await == 303 }).await;
    served_profile(&visitor, &site.app).await.expect(200);
}
