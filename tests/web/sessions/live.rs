//! Tests the event streams: of all sessions for administrators, and of its own session for each page.

use std::time::Duration;

use reqwest::Method;

use crate::support::*;

const ALL: &str = "/admin/sessions/events";
const OWN: &str = "/session/events";
const OWN_LIST: &str = "/session/events?list=on";

async fn request_stream(client: &Client, path: &str) -> Answer {
    client.request(Method::GET, path).header("accept", "text/event-stream").send().await
}

on_both_stacks!(admin_stream_reports_start_use_and_end, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_IDLE_TTL", "16s").start().await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let mut events = admin.events(ALL).await;
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.header("cache-control"), Some("no-store"));
    assert_eq!(events.header("x-accel-buffering"), Some("no"));
    events.wait_for("counts", |counts| counts["active"] == 1).await;

    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let started = events.wait_for("started", |_| true).await;
    assert_eq!(started["id"], id);
    assert_eq!((&started["name"], &started["email"]), (&ada.name.into(), &ada.email.into()));
    assert_eq!((&started["device"], &started["ip"]), (&"Firefox 140 on Linux".into(), &"127.0.0.1".into()));
    assert!(
        started["user_id"].is_i64() && started["created_at"].as_str().unwrap().ends_with('Z'),
        "{started}"
    );
    events.wait_for("counts", |counts| counts["active"] == 2).await;

    let used = async {
        // A session counts as seen again one second after the sign-in.
        loop {
            client.get("/profile").await.expect(200);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
    () = used => {}
    _ = events.wait_for("seen", |seen| seen["ids"].as_array().unwrap().contains(&id.clone().into())) => {}
    }

    let reason = [("reason", "Laptop <stolen>")];
    admin.post(&format!("/admin/sessions/{id}/end"), &reason).await.to("/admin/sessions");
    let ended = events.wait_for("ended", |_| true).await;
    assert_eq!((&ended["id"], &ended["reason"]), (&id.into(), &"ended_by_admin".into()));
    assert_eq!(ended["sentence"], "Ended by an administrator");
    assert_eq!(ended["message"], "Laptop <stolen>");
    assert_eq!(ended["by"]["name"], grace.name);
    events.wait_for("counts", |counts| counts["active"] == 1).await;
});

on_both_stacks!(admin_stream_reports_each_end_reason, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_LIMIT", 3).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let mut events = admin.events(ALL).await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let id = own_session_id(&first).await;
    ada.sign_in(&first).await;
    assert_eq!(events.wait_for("ended", |end| end["id"] == *id).await["reason"], "replaced");
    let (second, third, fourth) = (app.client(), app.client(), app.client());
    for client in [&second, &third, &fourth] {
        ada.sign_in(client).await;
    }
    assert_eq!(events.wait_for("ended", |_| true).await["reason"], "limit");
    let id = own_session_id(&second).await;
    fourth.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    assert_eq!(events.wait_for("ended", |end| end["id"] == *id).await["reason"], "ended_by_user");
    let id = own_session_id(&third).await;
    let new = "quartz-lantern-58-birch";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    fourth.post("/profile/password", &fields).await.to("/profile");
    assert_eq!(events.wait_for("ended", |end| end["id"] == *id).await["reason"], "password_changed");
    let id = own_session_id(&fourth).await;
    fourth.post("/profile/delete", &[("current_password", new)]).await.to("/");
    assert_eq!(events.wait_for("ended", |end| end["id"] == *id).await["reason"], "logout");
    let (_, lost_client) = app.person("Alan Turing").await;
    let id = own_session_id(&lost_client).await;
    app.lose_state(&id);
    admin.get("/admin/sessions").await.expect(200);
    assert_eq!(events.wait_for("ended", |end| end["id"] == *id).await["reason"], "missing");
});

#[actix_web::test]
async fn stream_closes_when_session_missing_in_store() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (all, own) = (admin.events(ALL).await, client.events(OWN).await);
    for client in [&admin, &client] {
        app.lose_state(&own_session_id(client).await);
    }
    assert_eq!(own.end().await[0].1["reason"], "missing");
    assert_eq!(all.end().await.last().unwrap().1["reason"], "missing");
    admin.get("/admin/sessions").await.to("/login?next=%2Fadmin%2Fsessions");
}

on_both_stacks!(admin_stream_reports_bulk_end_per_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for _ in 0..4 {
        ada.sign_in(&app.client()).await;
    }
    let mut events = admin.events(ALL).await;
    events.wait_for("counts", |counts| counts["active"] == 6).await;
    let mut own = client.events(OWN).await;
    let fields = [("q", "ada"), ("reason", "Too many"), ("confirm", "yes"), ("expected", "5")];
    admin.post("/admin/sessions/end", &fields).await.to("/admin/sessions");
    for _ in 0..5 {
        assert_eq!(events.wait_for("ended", |_| true).await["message"], "Too many");
    }
    events.wait_for("counts", |counts| counts["active"] == 1).await;
    let received = own.wait_for("signed-out", |_| true).await;
    assert_eq!(received["sentence"], "You were signed out by an administrator: Too many");
});

on_both_stacks!(stream_closes_with_own_session_and_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let own = other.events(OWN).await;
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    let received = own.end().await;
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!((received[0].0.as_str(), &received[0].1["reason"]), ("signed-out", &"ended_by_user".into()));
    assert_eq!(received[0].1["sentence"], "You were signed out from another device.");

    let tab = client.events(OWN).await;
    client.copy().post("/logout", &[]).await.to("/");
    assert_eq!(tab.end().await[0].1["sentence"], "You signed out.");

    let second = app.client();
    second.post("/login", &[("email", &grace.email), ("password", PASSWORD)]).await.to("/profile");
    let events = second.events(ALL).await;
    admin.post("/sessions/end-others", &[]).await.to("/sessions");
    let received = events.end().await;
    assert_eq!(received.last().unwrap().1["reason"], "ended_by_user", "{received:?}");
});

on_both_stacks!(stream_unauthenticated_401_without_role_403, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let visitor = app.client();
    for path in [ALL, OWN] {
        let refused = request_stream(&visitor, path).await.expect(401);
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        assert_eq!(refused.json()["detail"], "You are not signed in. Sign in to go on.");
    }
    request_stream(&client, ALL).await.expect(403);
    let stale = client.copy();
    client.post("/logout", &[]).await.to("/");
    assert_eq!(
        request_stream(&stale, OWN).await.expect(401).json()["detail"],
        "You are not signed in. Sign in to go on."
    );
});

on_both_stacks!(admin_stream_closes_for_demoted_admin, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let events = admin.events(ALL).await;
    let own = admin.events(OWN).await;
    app.demote(&grace);
    events.end().await;
    request_stream(&admin, ALL).await.expect(403);
    app.set_active(&grace, false);
    assert_eq!(own.end().await[0].1["reason"], "user_deactivated");
});

on_both_stacks!(
    admin_stream_closes_without_the_required_second_factor_while_nothing_happens,
    |stack| async {
        let app = TestApp::builder(stack).var("SECOND_FACTOR", "administrators").start().await;
        let (_, admin) = app.admin("Grace Hopper").await;
        app.run_script("UPDATE users SET second_factor = TRUE");
        let events = admin.events(ALL).await;
        let own = admin.events(OWN).await;
        // As another process does that shares only the database. No session starts, ends or is used, so that there is nothing to tell.
        app.run_script("UPDATE users SET second_factor = FALSE");
        events.end().await;
        admin.post("/logout", &[]).await.to("/");
        assert_eq!(own.end().await[0].1["reason"], "logout");
    }
);

on_both_stacks!(admin_stream_tells_nothing_more_without_the_required_second_factor, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "administrators").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for _ in 0..3 {
        app.run_script("UPDATE users SET second_factor = TRUE");
        let events = admin.events(ALL).await;
        app.run_script("UPDATE users SET second_factor = FALSE");
        app.person(&format!("Person {}", app.user_count())).await;
        let told = events.end().await;
        assert!(told.iter().all(|(name, _)| name == "counts"), "{told:?}");
    }
});

on_both_stacks!(admin_stream_tells_a_demoted_admin_nothing_more, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    for _ in 0..3 {
        let events = admin.events(ALL).await;
        // As another process does that shares only the database.
        app.demote(&grace);
        app.person(&format!("Person {}", app.user_count())).await;
        let told = events.end().await;
        assert!(told.iter().all(|(name, _)| name == "counts"), "{told:?}");
        app.make_admin(&grace);
    }
});

#[actix_web::test]
async fn command_line_publishes_changes_of_accounts_and_ends() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (other, _) = app.person("Bob Kahn").await;
    for (command, published) in [
        (&["user", "set-role", &*ada.email, "admin"][..], "accounts_changed"),
        (&["user", "set-role", &*ada.email, "user"], "accounts_changed"),
        (&["sessions", "end", "--q", "ada", "--reason", "Drill", "--yes"], "ended_by_admin"),
        (&["user", "deactivate", &*other.email], "user_deactivated"),
    ] {
        let run = || drop(Program::run(command, &app.command_vars(), "").done());
        app.redis().wait_for_published(published, run);
    }
}

on_both_stacks!(shutdown_does_not_wait_for_streams, |stack| async {
    let mut app = TestApp::builder(stack).var("REQUEST_TIMEOUT", "5m").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let streams = [admin.events(ALL).await, admin.events(OWN).await];
    app.stop().await;
    for stream in streams {
        let received = stream.end().await;
        let (last, before) = received.split_last().unwrap();
        assert_eq!(last.0, "reconnect", "{received:?}");
        assert!(before.iter().all(|(name, _)| name == "counts"), "a shutdown signs no one out: {received:?}");
    }
});

on_both_stacks!(open_stream_does_not_extend_session, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_REMEMBER_TTL", "2s").start().await;
    let ada = Person::new("Ada Lovelace");
    let client = app.client();
    ada.register(&app.client()).await;
    ada.sign_in_remembered(&client).await;
    let id = own_session_id(&client).await;
    let mut own = client.events(OWN).await;
    let background_requests = async {
        loop {
            let page = client.request(Method::GET, "/sessions").header("x-background", "1").send().await;
            assert!(page.set_cookies().is_empty(), "no cookie is renewed");
            request_stream(&client, OWN).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
    () = background_requests => {}
    received = own.wait_for("signed-out", |_| true) => assert_eq!(received["reason"], "idle"),
    }
    assert_eq!(app.end_reason(&id).as_deref(), Some("idle"));
});

on_all_backends!(session_end_reaches_stream_on_other_instance, |backend| async {
    let one = TestApp::builder_on(backend).start().await;
    let two = one.second_instance().await;
    let (_, admin) = one.admin("Grace Hopper").await;
    let (_, client) = one.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let mut own = client.at(&two).events(OWN).await;
    admin.post(&format!("/admin/sessions/{id}/end"), &[("reason", "Stolen")]).await.to("/admin/sessions");
    let received = own.wait_for("signed-out", |_| true).await;
    assert_eq!(received["sentence"], "You were signed out by an administrator: Stolen");
});

on_both_stacks!(streams_per_session_limit_closes_oldest, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let oldest = client.events(OWN).await;
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(client.events(OWN).await);
    }
    assert_eq!(oldest.end().await, [], "the stream closes without an event");
    let (other, id) = (app.client(), own_session_id(&client).await);
    Person::new("Ada Lovelace").sign_in(&other).await;
    other.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    for stream in open {
        assert_eq!(stream.end().await.len(), 1);
    }
});

on_both_stacks!(own_stream_reports_other_sessions_of_its_user_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, other) = app.person("Alan Turing").await;
    let (mut own, mut others) = (client.events(OWN_LIST).await, other.events(OWN_LIST).await);
    let second = app.client();
    ada.sign_in(&second).await;
    own.wait_for("own-sessions", |_| true).await;
    second.post("/logout", &[]).await.to("/");
    own.wait_for("own-sessions", |_| true).await;
    other.copy().post("/logout", &[]).await.to("/");
    let received = others.wait_for("signed-out", |_| true).await;
    assert_eq!(received["reason"], "logout");
    assert_eq!(others.end().await, [], "nothing of another user's sessions");
});

on_linked_backends!(own_stream_reports_session_of_other_instance, |backend| async {
    let one = TestApp::builder_on(backend).start().await;
    let two = one.second_instance().await;
    let (ada, client) = one.person("Ada Lovelace").await;
    let mut own = client.at(&two).events(OWN_LIST).await;
    let sign_ins = async {
        loop {
            // Until the instances are linked.
            ada.sign_in(&one.client()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
    () = sign_ins => {}
    _ = own.wait_for("own-sessions", |_| true) => {}
    }
});

#[actix_web::test]
async fn admin_stream_says_that_it_is_not_live_while_redis_is_down() {
    let app = TestApp::builder(Stack::PostgresRedis).through_proxies().start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let mut events = admin.events(ALL).await;
    let stores = app.stores();
    let redis = stores.redis_proxy();
    redis.set(ProxyMode::Refuse);
    redis.reset_connections();
    events.wait_for("status", |status| status["live"] == false).await;
    redis.set(ProxyMode::Pass);
    events.wait_for("status", |status| status["live"] == true).await;
    events.wait_for("reload", |_| true).await;
}
