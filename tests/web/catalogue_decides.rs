//! What the catalogue and the store each decide, looked at by taking away or putting back what the other holds.

use std::sync::Arc;

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::{Connection as _, RunQueryDsl as _};
use gatehouse::sessions::{
    EndReason, EndRequest, Sessions, Target,
    catalogue::{due, end},
};
use tokio::sync::Notify;

use crate::{engine, support::*};

/// Holds requests that are to change or rotate the session until the test lets go.
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

async fn rotate(req: HttpRequest, sessions: web::Data<Sessions>, door: web::Data<Door>) -> HttpResponse {
    door.arrived.notify_one();
    door.open.notified().await;
    sessions.rotate(&req);
    HttpResponse::NoContent().finish()
}

/// Sends a request as far as the door, does something meanwhile, and lets go.
async fn held(
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
        "{path} hands out a key: {}",
        answer.summary()
    );
    assert!(app.redis().keys().is_empty(), "{path} leaves an entry: {:?}", app.redis().keys());
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
    let (app, door) = with_door().await;
    for path in ["/change", "/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        held(&app, &door, &client, path, async || app.redis().flush()).await;
        if path == "/change" {
            client.get("/profile").await.to("/login?next=%2Fprofile");
        }
    }
}

#[actix_web::test]
async fn a_session_that_ends_while_it_is_changed_or_rotated_leaves_no_entry() {
    let (app, door) = with_door().await;
    for path in ["/change", "/rotate"] {
        let (_, client) = app.person(&format!("Ada {path}").replace('/', "")).await;
        let here = client.copy();
        let keys = "SELECT store_key FROM sessions ORDER BY id";
        let before = app.query_text(keys);
        held(&app, &door, &client, path, async || drop(here.post("/logout", &[]).await.to("/"))).await;
        assert_eq!(app.query_text(keys), before, "{path} gives the session that has ended another key");
        client.get("/profile").await.to("/login?next=%2Fprofile");
    }
}

/// As after a kill before the last-seen times were written.
#[actix_web::test]
async fn the_sweep_ends_no_session_that_the_store_still_has() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_IDLE_TTL", "8s").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    assert_eq!(app.sql("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'"), 1);
    let swept =
        "SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL OR expires_at > '2021-01-01 00:00:00'";
    let reason = eventually(|| async { app.query_text(swept).pop() }).await;
    assert_eq!(reason, [None], "ended");
    client.get("/profile").await.expect(200);
}

/// The sweep finds a session expired; before it ends it, the session gets a new key, and its last-seen time is lost.
#[actix_web::test]
async fn the_sweep_ends_no_session_that_got_a_new_key_since_it_looked() {
    let (app, _door) = engine::start(Stack::PostgresRedis).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let mut conn = app.stores().catalogue();
    // Nobody else sweeps it first: the look is at the same state, with the time set back in one transaction of its own.
    let found = conn
        .transaction::<_, diesel::result::Error, _>(|conn| {
            diesel::sql_query("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'").execute(conn)?;
            let found = due::expired(conn, 10).unwrap();
            diesel::sql_query("UPDATE sessions SET expires_at = '2999-01-01 00:00:00'").execute(conn)?;
            Ok(found)
        })
        .unwrap();
    assert_eq!(found.len(), 1);
    client.post("/test/rotate", &[]).await.expect(200);
    let ended = conn
        .transaction::<_, diesel::result::Error, _>(|conn| {
            diesel::sql_query("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'").execute(conn)?;
            let ending = EndRequest::by_system(EndReason::Idle);
            let ended = end::end(conn, &Target::Expired(found), &ending, true).unwrap();
            diesel::sql_query("UPDATE sessions SET expires_at = '2999-01-01 00:00:00'").execute(conn)?;
            Ok(ended)
        })
        .unwrap();
    assert!(ended.is_empty(), "{ended:?}");
    client.get("/profile").await.expect(200);
}
