//! Tests a Redis server that answers and refuses new entries: it is full, has too many connections, or its user may not write.
//! A request that fails for it leaves every session, account and link as it was.

use crate::support::{
    outage::{assert_stores_agree, assert_unavailable},
    *,
};

const NEW_PASSWORD: &str = "a-quite-new-9-password";

/// Commands that make a server refuse new entries, and that undo it.
struct Refusal {
    refuse: &'static [&'static str],
    accept: &'static [&'static str],
}

/// The policy is `noeviction` by default.
const FULL: Refusal =
    Refusal { refuse: &["CONFIG", "SET", "maxmemory", "1"], accept: &["CONFIG", "SET", "maxmemory", "0"] };

const MAY_NOT_SET: Refusal = Refusal {
    refuse: &["ACL", "SETUSER", "default", "-set"],
    accept: &["ACL", "SETUSER", "default", "+set"],
};

/// Makes a test of a refusal, for each of them.
macro_rules! on_each_refusal {
    ($name:ident, |$server:ident, $refusal:ident| async $body:block) => {
        mod $name {
            use super::*;

            async fn body($server: RedisServer, $refusal: Refusal) $body

            #[actix_web::test]
            async fn full() {
                body(RedisServer::start_own(), FULL).await;
            }

            #[actix_web::test]
            async fn may_not_set() {
                body(RedisServer::start_own(), MAY_NOT_SET).await;
            }
        }
    };
}

async fn store_is(app: &TestApp, state: &str) {
    eventually(|| async { app.ops().get("/readyz").await.json()["session_store"]["state"] == state }).await;
}

fn registration(person: &Person) -> [(&str, &str); 4] {
    [
        ("name", &person.name),
        ("email", &person.email),
        ("password", &person.password),
        ("password_confirmation", &person.password),
    ]
}

on_each_refusal!(failed_login_keeps_session_and_those_beyond_limit, |server, refusal| async {
    let app = TestApp::builder(Stack::PostgresRedis)
        .with_ops()
        .var("SESSION_LIMIT", 1)
        .on_redis(&server)
        .start()
        .await;
    store_is(&app, "up").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    server.database().command::<()>(refusal.refuse);
    let credentials = [("email", ada.email.as_str()), ("password", &ada.password)];
    let visitor = app.client();
    assert_unavailable(&visitor, "/login", Some(&credentials)).await;
    assert!(visitor.cookies().is_empty());
    assert_eq!(listed_sessions(&client).await, [id.as_str()], "another browser failed");
    assert_unavailable(&client, "/login", Some(&credentials)).await;
    assert_eq!(listed_sessions(&client).await, [id.as_str()], "this browser failed");
    store_is(&app, "down").await;
    server.database().command::<()>(refusal.accept);
    store_is(&app, "up").await;
    ada.sign_in(&visitor).await;
    assert!(!signed_in(&client).await, "the limit counts again");
    assert_stores_agree(&app);
});

#[actix_web::test]
async fn login_whose_entry_cannot_be_read_ends_no_session() {
    let server = RedisServer::start_own();
    let app = TestApp::builder(Stack::PostgresRedis)
        .with_ops()
        .var("SESSION_LIMIT", 1)
        .on_redis(&server)
        .start()
        .await;
    store_is(&app, "up").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    server.database().command::<()>(&["ACL", "SETUSER", "default", "-getex", "-get"]);
    let credentials = [("email", ada.email.as_str()), ("password", &ada.password)];
    assert_unavailable(&app.client(), "/login", Some(&credentials)).await;
    server.database().command::<()>(&["ACL", "SETUSER", "default", "+getex", "+get"]);
    store_is(&app, "up").await;
    assert_eq!(listed_sessions(&client).await, [id.as_str()]);
}

on_each_refusal!(failed_registration_leaves_no_account, |server, refusal| async {
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().on_redis(&server).start().await;
    store_is(&app, "up").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let grace = Person::new("Grace Hopper");
    server.database().command::<()>(refusal.refuse);
    assert_unavailable(&app.client(), "/register", Some(&registration(&grace))).await;
    assert_unavailable(&client, "/register", Some(&registration(&grace))).await;
    let _ = client.get("/profile").await.expect(200).has(&ada.email);
    assert_eq!(app.user_count(), 1);
    server.database().command::<()>(refusal.accept);
    grace.register(&app.client()).await;
    assert_stores_agree(&app);
});

on_each_refusal!(failed_setup_keeps_link, |server, refusal| async {
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().not_set_up().on_redis(&server).start().await;
    store_is(&app, "up").await;
    let grace = Person::new("Grace Hopper");
    let (client, link) = (app.client(), app.setup_link().unwrap().to_owned());
    let token = link.strip_prefix("/setup?token=").unwrap();
    let fields = [[("token", token)].as_slice(), &registration(&grace)].concat();
    server.database().command::<()>(refusal.refuse);
    assert_unavailable(&client, "/setup", Some(&fields)).await;
    assert_eq!(app.user_count(), 0);
    server.database().command::<()>(refusal.accept);
    client.get(&link).await.expect(200);
    client.post("/setup", &fields).await.to("/admin/sessions");
    client.get("/admin/sessions").await.expect(200);
    assert_stores_agree(&app);
});

on_each_refusal!(failed_password_change_changes_nothing, |server, refusal| async {
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().on_redis(&server).start().await;
    store_is(&app, "up").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (other, before) = (app.client(), app.password_hash_of(&ada));
    ada.sign_in(&other).await;
    let (listed, events) = (listed_sessions(&client).await, app.event_count());
    server.database().command::<()>(refusal.refuse);
    let change = [
        ("current_password", ada.password.as_str()),
        ("password", NEW_PASSWORD),
        ("password_confirmation", NEW_PASSWORD),
    ];
    assert_unavailable(&client, "/profile/password", Some(&change)).await;
    let confirm = [("password", ada.password.as_str())];
    assert_unavailable(&client, "/confirm-password", Some(&confirm)).await;
    assert_eq!(app.password_hash_of(&ada), before);
    assert_eq!((listed_sessions(&client).await, app.event_count()), (listed, events));
    assert!(signed_in(&other).await);
    server.database().command::<()>(refusal.accept);
    client.post("/confirm-password", &confirm).await.to("/profile");
    client.post("/profile/password", &change).await.to("/profile");
    assert!(signed_in(&client).await && !signed_in(&other).await);
    assert_stores_agree(&app);
});

on_each_refusal!(key_due_for_rotation_works_until_rotated, |server, refusal| async {
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().on_redis(&server).start().await;
    store_is(&app, "up").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let cookie = client.cookie(COOKIE);
    server.database().command::<()>(refusal.refuse);
    let id = app.user_id(&ada);
    admin
        .post(&format!("/admin/users/{id}/role"), &[("role", "admin")])
        .await
        .to(&format!("/admin/users/{id}"));
    for _ in 0..3 {
        client.get("/admin/sessions").await.expect(200);
    }
    assert_eq!(client.cookie(COOKIE), cookie, "the key stays");
    server.database().command::<()>(refusal.accept);
    client.get("/profile").await.expect(200);
    assert_ne!(client.cookie(COOKIE), cookie, "the key is rotated");
    assert!(signed_in(&client).await);
    assert_stores_agree(&app);
});

on_each_refusal!(ends_are_done_and_said_so, |server, refusal| async {
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().on_redis(&server).start().await;
    store_is(&app, "up").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    server.database().command::<()>(refusal.refuse);
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    assert!(signed_in(&client).await && !signed_in(&other).await);
    client.post("/profile/delete", &[("current_password", &ada.password)]).await.to("/");
    assert_eq!((app.user_count(), app.store_entries()), (0, Vec::new()));
    server.database().command::<()>(refusal.accept);
    assert_stores_agree(&app);
});

/// The link has its connections; actix-session's store opens its own when it creates an entry.
#[actix_web::test]
async fn redis_at_maxclients_failed_login_keeps_session() {
    let server = RedisServer::start_own();
    let one = TestApp::builder(Stack::PostgresRedis).with_ops().on_redis(&server).start().await;
    store_is(&one, "up").await;
    let (ada, client) = one.person("Ada Lovelace").await;
    let two = one.second_instance().await;
    let client = client.at(&two);
    eventually(|| async { client.get("/profile").await.status == 200 }).await;
    server.database().command::<()>(&["CONFIG", "SET", "maxclients", "1"]);
    let credentials = [("email", ada.email.as_str()), ("password", &ada.password)];
    assert_unavailable(&client, "/login", Some(&credentials)).await;
    assert_eq!(two.ops().get("/readyz").await.expect(503).json()["session_store"]["state"], "down");
    client.get("/profile").await.expect(200);
}

#[actix_web::test]
async fn failed_login_logs_all_causes() {
    let server = RedisServer::start_own();
    let program = TestApp::builder(Stack::PostgresRedis).with_ops().on_redis(&server).start_program();
    let client = program.client();
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    let ada = Person::new("Ada Lovelace");
    ada.register(&client).await;
    server.database().command::<()>(FULL.refuse);
    assert_unavailable(&client, "/login", Some(&[("email", &ada.email), ("password", &ada.password)])).await;
    let entry = eventually(|| async {
        program.output().lines().find(|line| line.contains("request failed")).map(str::to_owned)
    })
    .await;
    assert!(entry.contains("/login") && entry.contains("OOM"), "{entry}");
    client.get("/readyz").await.expect(503);
    eventually(|| async { program.output().matches("not ready").count() == 1 }).await;
}

#[actix_web::test]
async fn password_for_redis_without_one_is_ready_and_signs_in() {
    let server = RedisServer::start_own();
    let url = server.url().replace("redis://", "redis://:not-asked-for@");
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().var("REDIS_URL", url).start().await;
    store_is(&app, "up").await;
    let (_, client) = app.person("Ada Lovelace").await;
    assert!(signed_in(&client).await);
}
