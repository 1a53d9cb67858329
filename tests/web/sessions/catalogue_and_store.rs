//! What the catalogue and the store each decide, looked at by taking away or putting back what the other holds.

use crate::support::{sweep::Sweep, test_routes::start, *};

/// Sends a request as far as the barrier, does something meanwhile, and releases it.
async fn held(
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
        "{path} hands out a key: {}",
        answer.summary()
    );
    assert!(app.redis().keys().is_empty(), "{path} leaves an entry: {:?}", app.redis().keys());
}

#[actix_web::test]
async fn an_entry_that_is_put_back_signs_nobody_in() {
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
async fn an_entry_that_is_deleted_by_hand_stays_deleted_whatever_is_under_way() {
    let (app, barrier) = start(Stack::PostgresRedis).await;
    for path in ["/test/unchecked/change", "/test/unchecked/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        held(&app, &barrier, &client, path, async || app.redis().flush()).await;
        if path.ends_with("/change") {
            client.get("/profile").await.to("/login?next=%2Fprofile");
        }
    }
}

#[actix_web::test]
async fn a_session_that_ends_while_it_is_changed_or_rotated_leaves_no_entry() {
    let (app, barrier) = start(Stack::PostgresRedis).await;
    for path in ["/test/unchecked/change", "/test/unchecked/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        let here = client.copy();
        let before = app.store_keys();
        held(&app, &barrier, &client, path, async || drop(here.post("/logout", &[]).await.to("/"))).await;
        assert_eq!(app.store_keys(), before, "{path} gives the session that has ended another key");
        client.get("/profile").await.to("/login?next=%2Fprofile");
    }
}

/// As after a kill before the last-seen times were written.
#[actix_web::test]
async fn the_sweep_ends_no_session_that_the_store_still_has() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_IDLE_TTL", "8s").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    assert_eq!(app.set_all_session_times(SessionTime::Expires, "2020-01-01 00:00:00"), 1);
    let id = app.session_of(&ada);
    eventually(|| async { app.was_swept(&id) }).await;
    assert_eq!(app.end_reason(&id), None, "ended");
    client.get("/profile").await.expect(200);
}

/// The sweep finds a session expired; before it ends it, the session gets a new key, and its last-seen time is lost.
#[actix_web::test]
async fn the_sweep_ends_no_session_that_got_a_new_key_since_it_looked() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let sweep = Sweep::find(&app);
    assert_eq!(sweep.found(), 1);
    client.post("/test/rotate", &[]).await.expect(200);
    let ended = sweep.end();
    assert!(ended.is_empty(), "{ended:?}");
    client.get("/profile").await.expect(200);
}
