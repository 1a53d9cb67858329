//! Tests which side decides that a session has ended, by removing or restoring what the catalogue or the store holds.

use std::sync::Arc;

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::{Connection as _, RunQueryDsl as _};
use gatehouse::{
    app::Site,
    sessions::{EndReason, Ending, Which, catalogue},
};
use tokio::sync::Notify;

use crate::{engine, support::*};

/// Holds requests that change or rotate the session until the test releases them.
#[derive(Default)]
struct Door {
    arrived: Notify,
    open: Notify,
}

async fn change(session: Session, door: web::Data<Door>) -> HttpResponse {
    door.arrived.notify_one();
    door.open.notified().await;
    session.insert("colour", "green").unwrap();
    HttpResponse::NoContent().finish()
}

async fn rotate(req: HttpRequest, site: web::Data<Site>, door: web::Data<Door>) -> HttpResponse {
    door.arrived.notify_one();
    door.open.notified().await;
    site.sessions.rotate(&req);
    HttpResponse::NoContent().finish()
}

/// Sends a request, runs `meanwhile` while the handler waits at the door, and releases the request.
async fn assert_no_entry_after_held_request(
    app: &TestApp,
    door: &Arc<Door>,
    client: &Client,
    path: &'static str,
    meanwhile: impl AsyncFnOnce(),
) {
    let client = client.copy();
    let request = actix_web::rt::spawn(async move { client.get(path).await });
    door.arrived.notified().await;
    meanwhile().await;
    door.open.notify_one();
    let answer = request.await.unwrap();
    let session = answer.set_cookies().into_iter().find(|cookie| cookie.name == "gatehouse");
    assert!(
        session.is_none_or(|cookie| cookie.value.is_empty()),
        "{path} sets a session cookie: {}",
        answer.summary()
    );
    assert!(app.redis().keys().is_empty(), "{path} left an entry in the store: {:?}", app.redis().keys());
}

async fn with_door() -> (TestApp, Arc<Door>) {
    let door = web::Data::new(Door::default());
    let own = door.clone();
    let builder = TestApp::builder(Stack::PostgresRedis).routes(move |cfg| {
        cfg.app_data(own.clone())
            .route("/change", web::get().to(change))
            .route("/rotate", web::get().to(rotate));
    });
    (builder.start().await, door.into_inner())
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
    let (app, door) = with_door().await;
    for path in ["/change", "/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        assert_no_entry_after_held_request(&app, &door, &client, path, async || app.redis().flush()).await;
        if path == "/change" {
            client.get("/profile").await.to("/login?next=%2Fprofile");
        }
    }
}

#[actix_web::test]
async fn session_ended_during_change_or_rotation_leaves_no_entry() {
    let (app, door) = with_door().await;
    for path in ["/change", "/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        let here = client.copy();
        let keys = "SELECT store_key FROM sessions ORDER BY id";
        let before = app.query_text(keys);
        assert_no_entry_after_held_request(&app, &door, &client, path, async || {
            drop(here.post("/logout", &[]).await.to("/"))
        })
        .await;
        assert_eq!(app.query_text(keys), before, "{path} rotated the key of an ended session");
        client.get("/profile").await.to("/login?next=%2Fprofile");
    }
}

/// The same state as after a kill before the last-seen times were written.
#[actix_web::test]
async fn sweep_keeps_session_still_in_store() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_IDLE_TTL", "8s").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    assert_eq!(app.sql("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'"), 1);
    let swept =
        "SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL OR expires_at > '2021-01-01 00:00:00'";
    let reason = eventually(|| async { app.query_text(swept).pop() }).await;
    assert_eq!(reason, [None], "ended");
    client.get("/profile").await.expect(200);
}

/// The sweep finds a session expired. Before the sweep ends it, the session's key is rotated, and the last-seen time of
/// that request is lost.
#[actix_web::test]
async fn sweep_keeps_session_rotated_after_lookup() {
    let (app, _door) = engine::start(Stack::PostgresRedis).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let mut conn = app.stores().catalogue();
    // Expires the session only within this transaction, so that the application's own sweep does not end it first.
    let found = conn
        .transaction::<_, diesel::result::Error, _>(|conn| {
            diesel::sql_query("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'").execute(conn)?;
            let found = catalogue::expired(conn, 10).unwrap();
            diesel::sql_query("UPDATE sessions SET expires_at = '2999-01-01 00:00:00'").execute(conn)?;
            Ok(found)
        })
        .unwrap();
    assert_eq!(found.len(), 1);
    client.post("/test/rotate", &[]).await.expect(200);
    let ended = conn
        .transaction::<_, diesel::result::Error, _>(|conn| {
            diesel::sql_query("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'").execute(conn)?;
            let ending = Ending::by_system(EndReason::Idle);
            let ended = catalogue::end(conn, &Which::Expired(found), &ending, true).unwrap();
            diesel::sql_query("UPDATE sessions SET expires_at = '2999-01-01 00:00:00'").execute(conn)?;
            Ok(ended)
        })
        .unwrap();
    assert!(ended.is_empty(), "{ended:?}");
    client.get("/profile").await.expect(200);
}
