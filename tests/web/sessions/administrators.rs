//! Tests `SESSION_ADMIN_IDLE_TTL` and `SESSION_ADMIN_ABSOLUTE_TTL`: the lifetimes of administrators' sessions, by the role as it is now.

use std::time::{Duration, Instant};

use crate::support::{
    test_routes::{builder, session_id},
    *,
};

async fn assert_ends_as(app: &TestApp, id: &str, because: &str) {
    assert_eq!(eventually(|| async { app.end_reason(id) }).await, because);
}

/// Gives somebody a role as an administrator does on their page.
async fn set_role(app: &TestApp, admin: &Client, person: &Person, role: &str) {
    let path = app.admin_path(person);
    admin.post(&format!("{path}/role"), &[("role", role)]).await.to(&path);
}

/// Uses sessions until they have been used for so long.
async fn use_for(clients: &[&Client], duration: Duration) {
    let start = Instant::now();
    eventually(|| async {
        for client in clients {
            client.get("/profile").await.expect(200);
        }
        start.elapsed() > duration
    })
    .await;
}

/// An administrator whose session stays, since the sign-in was made before the role.
async fn boss(app: &TestApp) -> Client {
    let (_, admin) = app.admin("Grace Hopper").await;
    admin
}

on_both_stacks!(administrators_session_unused_ends_sooner, |stack| async {
    let app = builder(stack).0.var("SESSION_ADMIN_IDLE_TTL", "2s").start().await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (plain, remembered) = (app.client(), app.client());
    grace.sign_in(&plain).await;
    grace.sign_in_remembered(&remembered).await;
    assert_eq!(remembered.cookie(COOKIE).unwrap().max_age(), Some(2));
    let page = remembered.get("/profile").await.expect(200);
    assert_eq!(new_cookie(&page).unwrap().max_age(), Some(2), "with each request");
    let session = plain.get("/auth/session").await.expect(200).json();
    let left = time::OffsetDateTime::parse(
        session["expires_at"].as_str().unwrap(),
        &time::format_description::well_known::Rfc3339,
    );
    assert!((left.unwrap() - time::OffsetDateTime::now_utc()).as_seconds_f64() < 2.5, "{session}");
    let ids = [session_id(&plain).await, session_id(&remembered).await];
    use_for(&[&plain, &remembered], Duration::from_secs(4)).await;
    for id in &ids {
        assert_ends_as(&app, id, "idle").await;
    }
    for ended in [&plain, &remembered] {
        assert!(!signed_in(ended).await);
    }
    assert!(signed_in(&client).await, "others keep theirs");
    assert!(
        app.seconds_between(&session_id(&client).await, SessionTime::Created, SessionTime::Expires) > 3_600.0
    );
});

on_both_stacks!(lifetime_is_that_of_the_role_from_the_next_request_on, |stack| async {
    let app = builder(stack).0.var("SESSION_ADMIN_IDLE_TTL", "4s").start().await;
    let admin = boss(&app).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, other) = app.person("Bob Kahn").await;
    let (id, others) = (session_id(&client).await, session_id(&other).await);
    for person in [&ada, &bob] {
        set_role(&app, &admin, person, "admin").await;
    }
    // The new role counts whatever the request is for, a proxy's question included.
    client.get("/auth/verify").await.expect(200);
    other.get("/profile").await.expect(200);
    let left = || app.seconds_between(&others, SessionTime::LastSeen, SessionTime::Expires);
    eventually(|| async { left() < 60.0 }).await;
    set_role(&app, &admin, &bob, "user").await;
    other.get("/profile").await.expect(200);
    assert_ends_as(&app, &id, "idle").await;
    assert!(!signed_in(&client).await);
    assert!(signed_in(&other).await, "whoever is no administrator any more has the longer lifetime again");
    eventually(|| async { left() > 3_600.0 }).await;
});

on_both_stacks!(administrators_session_never_outlives_its_absolute_ttl, |stack| async {
    let app = builder(stack).0.var("SESSION_ADMIN_ABSOLUTE_TTL", "4s").start().await;
    let (grace, first) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let admin = app.client();
    grace.sign_in_remembered(&admin).await;
    let (id, hers) = (session_id(&admin).await, session_id(&client).await);
    let start = Instant::now();
    eventually(|| async { !signed_in(&admin).await }).await;
    assert!(start.elapsed() > Duration::from_secs(3), "{:?}", start.elapsed());
    assert_ends_as(&app, &id, "absolute").await;
    assert!(app.seconds_between(&id, SessionTime::Created, SessionTime::Ended) < 10.0);
    // Somebody who is made an administrator has had the session for longer than administrators may.
    set_role(&app, &first, &ada, "admin").await;
    assert!(!signed_in(&client).await);
    assert!(listed_sessions_for_admin(&first).await.iter().all(|listed| *listed != hers));
    assert_ends_as(&app, &hers, "absolute").await;
});

on_both_stacks!(administrator_who_is_none_any_more_has_the_longer_absolute_ttl, |stack| async {
    let app = builder(stack).0.var("SESSION_ADMIN_ABSOLUTE_TTL", "1h").start().await;
    let admin = boss(&app).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    set_role(&app, &admin, &ada, "admin").await;
    let client = app.client();
    ada.sign_in_remembered(&client).await;
    let id = session_id(&client).await;
    let lives = || app.seconds_between(&id, SessionTime::Created, SessionTime::AbsoluteEnd);
    assert!((3_599.0..3_601.0).contains(&lives()), "{}", lives());
    set_role(&app, &admin, &ada, "user").await;
    client.get("/profile").await.expect(200);
    assert!(lives() > 89.0 * 86_400.0, "{}", lives());
    let before = session_id(&client).await;
    client.get("/profile").await.expect(200);
    assert_eq!((before, id), (session_id(&client).await, session_id(&client).await));
});

#[actix_web::test]
async fn administrators_ttl_is_that_of_the_entry_in_redis() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_ADMIN_IDLE_TTL", "10m").start().await;
    let admin = boss(&app).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let left = || app.redis().pttl(&app.redis_key_of(&app.session_of(&ada)));
    assert!(left() > 3_600_000, "{}", left());
    set_role(&app, &admin, &ada, "admin").await;
    client.get("/auth/verify").await.expect(200);
    assert!(left() <= 600_000, "the key is of the role before, {}", left());
    client.get("/profile").await.expect(200);
    assert!(left() <= 600_000, "{}", left());
    client.get("/profile").await.expect(200);
    assert!(left() <= 600_000, "with the new key, {}", left());
    set_role(&app, &admin, &ada, "user").await;
    client.get("/profile").await.expect(200);
    client.get("/profile").await.expect(200);
    assert!(left() > 3_600_000, "{}", left());
}
