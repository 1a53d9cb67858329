//! Tests the link between instances, through Redis or Postgres, and what happens when it fails.

use crate::support::*;

const ALL: &str = "/admin/sessions/events";

/// Signs a user in on one instance, repeatedly, until a stream of another instance reports it.
async fn wait_until_linked(one: &TestApp, events: &mut EventStream, name: &str) {
    let person = Person::new(name);
    person.register(&one.client()).await;
    let attempts = async {
        loop {
            let client = one.client();
            person.sign_in(&client).await;
            let id = own_session_id(&client).await;
            let started = events.wait_for("started", |_| true);
            if tokio::time::timeout(std::time::Duration::from_secs(1), started).await.is_ok() {
                return id;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), attempts)
        .await
        .expect("no event reached the stream");
}

/// An administrator's stream on a second instance, once the first one's events reach it.
struct Linked {
    one: TestApp,
    two: TestApp,
    /// Asks the first instance.
    admin: Client,
    events: EventStream,
}

impl Linked {
    async fn start(builder: Builder) -> Self {
        let one = builder.start().await;
        let two = one.second_instance().await;
        let (_, admin) = one.admin("Grace Hopper").await;
        let mut events = admin.at(&two).events(ALL).await;
        wait_until_linked(&one, &mut events, "Ada Lovelace").await;
        Self { one, two, admin, events }
    }
}

/// Starts two instances on their own Redis server, and an administrator's stream on the second.
async fn linked_instances() -> (RedisServer, TestApp, TestApp, EventStream) {
    let server = RedisServer::start_own();
    let Linked { one, two, events, .. } =
        Linked::start(TestApp::builder(Stack::PostgresRedis).on_redis(&server)).await;
    (server, one, two, events)
}

on_linked_backends!(events_reach_stream_on_other_instance, |backend| async {
    let Linked { one, two: _two, mut events, .. } = Linked::start(TestApp::builder_on(backend)).await;
    let (_, client) = one.person("Alan Turing").await;
    let id = own_session_id(&client).await;
    events.wait_for("started", |started| started["id"] == *id).await;
    client.post("/logout", &[]).await.to("/");
    assert_eq!(events.wait_for("ended", |ended| ended["id"] == *id).await["reason"], "logout");
});

#[actix_web::test]
async fn events_do_not_reach_other_redis_database() {
    let server = RedisServer::start_own();
    let one = TestApp::builder(Stack::PostgresRedis).on_redis(&server).start().await;
    let other = TestApp::builder(Stack::PostgresRedis)
        .var("REDIS_URL", server.url().replace("/0", "/7"))
        .start()
        .await;
    let (_, admin) = one.admin("Grace Hopper").await;
    let mut events = admin.events(ALL).await;
    other.person("Ada Lovelace").await;
    one.person("Alan Turing").await;
    assert_eq!(events.wait_for("started", |_| true).await["name"], "Alan Turing");
}

#[actix_web::test]
async fn pubsub_reconnects_and_sends_reload() {
    let (server, one, _two, mut events) = linked_instances().await;
    let redis = server.database();
    let killed: i64 = redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(killed, 2, "one connection of each instance");
    // Messages published meanwhile are lost, so pages reload.
    events.wait_for("reload", |_| true).await;
    wait_until_linked(&one, &mut events, "Alan Turing").await;
}

#[actix_web::test]
async fn listening_to_postgres_begins_anew_and_sends_reload() {
    let Linked { one, two: _two, mut events, .. } =
        Linked::start(TestApp::builder_on(Backend::Postgres)).await;
    assert_eq!(one.end_listening(), 2, "one connection of each instance");
    events.wait_for("reload", |_| true).await;
    wait_until_linked(&one, &mut events, "Alan Turing").await;
}

/// A text for the person and one for the record, in as many bytes as they may have, do not fit into a notification together.
#[actix_web::test]
async fn long_texts_reach_streams_through_postgres() {
    let Linked { one, two, admin, mut events } = Linked::start(TestApp::builder_on(Backend::Postgres)).await;
    let (_, client) = one.person("Alan Turing").await;
    let id = own_session_id(&client).await;
    let mut own = client.at(&two).events("/session/events").await;
    let text = "😀".repeat(200);
    let form = [("reason", text.as_str()), ("note", &text)];
    admin.post(&format!("/admin/sessions/{id}/end"), &form).await.to("/admin/sessions");
    let received = own.wait_for("signed-out", |_| true).await;
    assert!(received["sentence"].as_str().unwrap().ends_with(&text), "{received}");
    events.wait_for("ended", |ended| ended["id"] == *id).await;
}

#[actix_web::test]
async fn publish_failure_sends_reload_to_other_instances() {
    let (server, one, _two, mut events) = linked_instances().await;
    let redis = server.database();
    // The instances' subscriptions stay connected.
    redis.command::<()>(&["ACL", "SETUSER", "default", "-publish"]);
    let (_, client) = one.person("Alan Turing").await;
    client.post("/logout", &[]).await.to("/");
    redis.command::<()>(&["ACL", "SETUSER", "default", "+publish"]);
    events.wait_for("reload", |_| true).await;
    wait_until_linked(&one, &mut events, "Edsger Dijkstra").await;
}

#[actix_web::test]
async fn session_end_reaches_stream_while_redis_frozen() {
    let server = RedisServer::start_own();
    let app =
        TestApp::builder(Stack::PostgresRedis).var("STORE_TIMEOUT", "500ms").on_redis(&server).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let mut own = client.events("/session/events").await;
    server.freeze();
    app.end_in_database(&id, "ended_by_admin");
    let received = own.wait_for("signed-out", |_| true).await;
    assert_eq!(received["sentence"], "You were signed out by an administrator.");
    server.thaw();
}

on_linked_backends!(cli_session_end_reaches_streams, |backend| async {
    let program = TestApp::builder_on(backend).start_program();
    let (grace, admin) = (Person::new("Grace Hopper"), program.client());
    grace.register(&admin).await;
    program.make_admin(&grace);
    let client = program.client();
    Person::new("Ada Lovelace").register(&client).await;
    let (mut events, mut own) = (admin.events(ALL).await, client.events("/session/events").await);
    let done = program.command(&["sessions", "end", "--q", "ada", "--reason", "Maintenance", "--yes"], "");
    assert!(done.status.success(), "{done:?}");
    assert_eq!(events.wait_for("ended", |_| true).await["message"], "Maintenance");
    let received = own.wait_for("signed-out", |_| true).await;
    assert_eq!(received["sentence"], "You were signed out by an administrator: Maintenance");
});
