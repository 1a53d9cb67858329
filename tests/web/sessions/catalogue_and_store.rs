//! Tests which side decides that a session has ended, by removing or restoring what the catalogue or the store holds.

use crate::support::{sweep::Sweep, test_routes::start, *};

/// Sends a request, runs `meanwhile` while the handler waits at the barrier, and releases the request.
async fn assert_no_entry_after_held_request(
    app: &TestApp,
    barrier: &Barrier,
    client: &Client,
    path: &'static str,
    meanwhile: impl AsyncFnOnce(),
) {
    let client = client.copy();
    let request = actix_web::rt::spawn(async move { client.get(path).await });
    barrier.wait_for(1).await;
    meanwhile().await;
    barrier.release(1);
    let answer = request.await.unwrap();
    let session = answer.set_cookies().into_iter().find(|cookie| cookie.name == "gatehouse");
    assert!(
        session.is_none_or(|cookie| cookie.value.is_empty()),
        "{path} sets a session cookie: {}",
        answer.summary()
    );
    assert!(app.redis().keys().is_empty(), "{path} leaves an entry: {:?}", app.redis().keys());
}

#[actix_web::test]
async fn ended_session_with_restored_entry_stays_ended() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let thief = client.copy();
    let key = app.redis().keys().remove(0);
    let state = app.redis().get(&key).unwrap();
    client.post("/logout", &[]).await.to("/");
    app.redis().set(&key, &state);
    thief.get("/profile").await.to("/login?next=%2Fprofile");
    thief.post("/profile", &[("name", "Thief")]).await.expect(401);
}

#[actix_web::test]
async fn deleted_entry_is_not_recreated_by_request_in_flight() {
    let (app, barrier) = start(Stack::PostgresRedis).await;
    for path in ["/test/unchecked/change", "/test/unchecked/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        assert_no_entry_after_held_request(&app, &barrier, &client, path, async || app.redis().flush()).await;
        if path.ends_with("/change") {
            client.get("/profile").await.to("/login?next=%2Fprofile");
        }
    }
}

#[actix_web::test]
async fn session_ended_during_change_or_rotation_leaves_no_entry() {
    let (app, barrier) = start(Stack::PostgresRedis).await;
    for path in ["/test/unchecked/change", "/test/unchecked/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        let here = client.copy();
        let before = app.store_keys();
        assert_no_entry_after_held_request(&app, &barrier, &client, path, async || {
            drop(here.post("/logout", &[]).await.to("/"))
        })
        .await;
        assert_eq!(app.store_keys(), before, "{path} rotated the key of an ended session");
        client.get("/profile").await.to("/login?next=%2Fprofile");
    }
}

/// The same state as after a kill before the last-seen times were written.
#[actix_web::test]
async fn sweep_keeps_session_still_in_store() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_IDLE_TTL", "8s").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    assert_eq!(app.set_all_session_times(SessionTime::Expires, "2020-01-01 00:00:00"), 1);
    let id = app.session_of(&ada);
    eventually(|| async { app.was_swept(&id) }).await;
    assert_eq!(app.end_reason(&id), None, "ended");
    client.get("/profile").await.expect(200);
}

/// The sweep finds a session expired. Before the sweep ends it, the session's key is rotated, and the last-seen time of
/// that request is lost.
#[actix_web::test]
async fn sweep_keeps_session_rotated_after_lookup() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let sweep = Sweep::find(&app);
    assert_eq!(sweep.found(), 1);
    client.post("/test/rotate", &[]).await.expect(200);
    let ended = sweep.end();
    assert!(ended.is_empty(), "{ended:?}");
    client.get("/profile").await.expect(200);
}
