//! Tests that each session end happens once, is recorded, and is eventually confirmed by the store.

use std::rc::Rc;

use crate::support::{
    admin_pages::{link_on, token_of},
    concurrent::{send, send_form},
    test_routes::{builder, session_id, start},
    *,
};

/// Asserts that a session ended for this reason, by this user or by the system, and that one event was logged.
#[track_caller]
fn assert_ended(app: &TestApp, id: &str, because: &str, by: Option<&str>) {
    let by = by.map(str::to_owned);
    let end = app.session_end(id).unwrap_or_else(|| panic!("{id} has not ended"));
    assert_eq!((end.reason.as_str(), &end.by, end.state), (because, &by, None));
    let events = app.logged_ends(id);
    assert!(
        matches!(&events[..], [(actor, detail)] if *actor == by && detail.split(':').next() == Some(because)),
        "{events:?}"
    );
}

/// Asserts that the store has entries of active sessions only.
fn assert_no_entry_left(app: &TestApp) {
    assert_eq!(app.store_entries(), app.active_store_keys());
    assert_eq!(app.pending_deletions(), Vec::<String>::new());
}

on_both_stacks!(logout_twice_records_one_end, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (id, tab) = (session_id(&client).await, client.copy());
    client.post("/logout", &[]).await.to("/");
    for out in [&client, &tab, &app.client()] {
        out.post("/logout", &[]).await.to("/");
        out.get("/").await.expect(200).has("You are signed out.").has("You are not signed in.");
    }
    assert_ended(&app, &id, "logout", Some(&app.user_id(&ada)));
    assert_no_entry_left(&app);
});

on_both_stacks!(logout_in_two_tabs_records_one_end, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let by = app.user_id(&ada);
    for _ in 0..4 {
        let client = app.client();
        ada.sign_in(&client).await;
        let id = session_id(&client).await;
        let tabs = [Rc::new(client.copy()), Rc::new(client.copy())];
        let mut statuses = Vec::new();
        for answer in tabs.each_ref().map(|tab| send(tab, "/logout")) {
            statuses.push(answer.await.unwrap().status);
        }
        assert_eq!(statuses, [303, 303]);
        assert_ended(&app, &id, "logout", Some(&by));
        assert!(!signed_in(&client).await);
    }
    assert_eq!(app.event_count_of("session_ended"), 4);
    assert_no_entry_left(&app);
});

on_both_stacks!(session_limit_one_ends_previous_session, |stack| async {
    let app = builder(stack).0.var("SESSION_LIMIT", 1).start().await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let (bo, stranger) = app.person("Bo Diddley").await;
    let (id, second) = (session_id(&first).await, app.client());
    ada.sign_in(&second).await;
    second.get("/profile").await.expect(200).has("Your oldest session was ended");
    second.get("/profile").await.expect(200).lacks("Your oldest session was ended");
    assert!(!signed_in(&first).await);
    assert_ended(&app, &id, "limit", None);
    assert_eq!(listed_sessions(&second).await, [session_id(&second).await]);
    assert!(signed_in(&stranger).await, "the limit counts per user");
    // A repeated login in the same browser replaces its own session and ends no other.
    let own = session_id(&stranger).await;
    bo.sign_in(&stranger).await;
    stranger.get("/profile").await.expect(200).lacks("Your oldest session was ended");
    assert_ended(&app, &own, "replaced", Some(&app.user_id(&bo)));
    assert_no_entry_left(&app);
});

on_both_stacks!(session_limit_ends_oldest_session, |stack| async {
    let app = builder(stack).0.var("SESSION_LIMIT", 2).start().await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let (second, third) = (app.client(), app.client());
    let oldest = session_id(&first).await;
    ada.sign_in(&second).await;
    second.get("/profile").await.expect(200).lacks("Your oldest session was ended");
    // The first session was used last, and is still the oldest.
    assert!(signed_in(&first).await);
    ada.sign_in(&third).await;
    third.get("/profile").await.expect(200).has("Your oldest session was ended");
    assert_ended(&app, &oldest, "limit", None);
    assert!(!signed_in(&first).await && signed_in(&second).await && signed_in(&third).await);
    assert_eq!(listed_sessions(&second).await.len(), 2);
    assert_no_entry_left(&app);
});

on_both_stacks!(session_limit_holds_for_concurrent_logins, |stack| async {
    let (builder, barrier) = builder(stack);
    let app = builder.var("SESSION_LIMIT", 2).start().await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let fields = [("email", ada.email.as_str()), ("password", &ada.password)];
    let clients: Vec<Rc<Client>> = (0..4).map(|_| Rc::new(app.client())).collect();
    let sent: Vec<_> =
        clients.iter().map(|client| send_form(client, "/test/held/sign-in", &fields)).collect();
    barrier.wait_for(4).await;
    barrier.release(4);
    for answer in sent {
        let _ = answer.await.unwrap().expect(200);
    }
    let live = app.active_session_ids();
    assert_eq!(live.len(), 2, "{live:?}");
    let mut working = Vec::new();
    for client in &clients {
        if signed_in(client).await {
            working.push(session_id(client).await);
        }
    }
    let (mut expected, mut found) = (live.clone(), working);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert!(!signed_in(&first).await);
    let ended = app.ended_session_ids();
    assert_eq!(ended.len(), 3);
    for id in ended {
        assert_ended(&app, &id, "limit", None);
    }
    assert_no_entry_left(&app);
});

on_both_stacks!(session_end_recorded_once_with_reason, |stack| async {
    let (app, _) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let by_ada = app.user_id(&ada);
    let by_admin = app.user_id(&grace);
    let mut others = Vec::new();
    for _ in 0..4 {
        let other = app.client();
        ada.sign_in(&other).await;
        others.push(session_id(&other).await);
    }
    let (replaced, again) = (session_id(&client).await, client.copy());
    ada.sign_in(&again).await;
    assert_ended(&app, &replaced, "replaced", Some(&by_ada));
    assert!(!signed_in(&client).await);
    assert_eq!(listed_sessions(&again).await.len(), 5);

    let [one, two, rest @ ..] = &others[..] else { panic!("{others:?}") };
    again.post(&format!("/sessions/{one}/end"), &[]).await.to("/sessions");
    assert_ended(&app, one, "ended_by_user", Some(&by_ada));
    let answer = admin.post(&format!("/admin/sessions/{two}/end"), &[("reason", "Lost laptop")]).await;
    assert_eq!(answer.status, 303, "{}", answer.summary());
    assert_ended(&app, two, "ended_by_admin", Some(&by_admin));
    let new = "copper-lantern-58-birch";
    let fields =
        [("current_password", ada.password.as_str()), ("password", new), ("password_confirmation", new)];
    let answer = again.post("/profile/password", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.summary());
    for id in rest {
        assert_ended(&app, id, "password_changed", Some(&by_ada));
    }
    let last = session_id(&again).await;
    again.post("/logout", &[]).await.to("/");
    assert_ended(&app, &last, "logout", Some(&by_ada));
    // A second end of an ended session changes nothing and logs no event.
    let before = app.end_times();
    for id in &others {
        let _ = admin.post(&format!("/admin/sessions/{id}/end"), &[("reason", "again")]).await;
    }
    assert_eq!(app.end_times(), before);
    assert_eq!(app.event_count_of("session_ended"), 6);
    assert_no_entry_left(&app);
});

#[actix_web::test]
async fn pending_deletion_retried_when_redis_returns() {
    let (builder, barrier) = builder(Stack::PostgresRedis);
    let app = builder.through_proxies().var("SESSION_IDLE_TTL", "4s").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (here, there) = (Rc::new(app.client()), app.client());
    ada.sign_in_remembered(&here).await;
    ada.sign_in_remembered(&there).await;
    let id = session_id(&there).await;
    let entry = app.redis_key_of(&id);

    let answer = send(&here, &format!("/test/held/end/{id}"));
    barrier.wait_for(1).await;
    app.stores().redis_proxy().set(ProxyMode::Refuse);
    barrier.release(1);
    let answer = answer.await.unwrap().expect(200).json();
    assert_eq!(answer, serde_json::json!({"count": 1, "confirmed": false}));
    assert_ended(&app, &id, "ended_by_user", Some(&app.user_id(&ada)));
    assert!(app.redis().get(&entry).is_some(), "the store still has it");
    assert_eq!(app.pending_deletions(), std::slice::from_ref(&id));

    app.stores().redis_proxy().set(ProxyMode::Pass);
    eventually(|| async { there.get("/profile").await.status == 303 }).await;
    eventually(|| async { app.redis().get(&entry).is_none() && app.pending_deletions().is_empty() }).await;
    assert_eq!(app.logged_ends(&id).len(), 1);
    assert!(signed_in(&here).await);
}

on_both_stacks!(changed_secret_ends_all_sessions_in_catalogue, |stack| async {
    let mut app = TestApp::builder(stack).var("SESSION_SECRET", random_secret()).start().await;
    let (_, admin) = app.admin("Root").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _second = app.second_instance().await;
    client.get("/profile").await.expect(200);
    app.restart_with(&[("SESSION_SECRET", &random_secret())]).await;
    client.get("/profile").await.expect(303);
    eventually(|| async { app.active_session_ids().is_empty() }).await;
    assert_eq!(app.end_reasons(), ["missing"; 2]);
    assert_eq!(app.end_notes("missing"), ["SESSION_SECRET was changed"; 2]);
    drop(admin);
    // A restart with the same secret signs no one out.
    ada.sign_in(&client).await;
    app.restart().await;
    client.get("/profile").await.expect(200);
    assert_eq!(app.active_session_ids().len(), 1);
});

#[actix_web::test]
async fn session_end_unconfirmed_by_store_is_reported() {
    let server = RedisServer::start_own();
    let builder = TestApp::builder(Stack::PostgresRedis).var("SESSION_LIMIT", "2").on_redis(&server);
    let app = builder.start().await;
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    let (path, bob_path) = (app.admin_path(&ada), app.admin_path(&bob));
    // The store refuses UNLINK and accepts all other commands.
    server.database().command::<()>(&["ACL", "SETUSER", "default", "-unlink"]);
    let unconfirmed = "What ended is refused from now on. The session store has not confirmed yet";

    let _ = ada.sign_in(&app.client()).await;
    let _ = client.post("/sessions/end-others", &[]).await.to("/sessions");
    let _ = client.get("/sessions").await.has(&format!("The other session was ended. {unconfirmed}"));
    let _ = ada.sign_in(&app.client()).await;
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let _ = client.post("/profile/password", &fields).await.to("/profile");
    let _ = client
        .get("/profile")
        .await
        .has(&format!("Your password was changed. The other session was ended. {unconfirmed}"));

    let _ = admin.post(&format!("{path}/end-sessions"), &[]).await.to(&path);
    let _ = admin.get(&path).await.has(&format!("1 session was ended. {unconfirmed}"));
    let all = [("q", "bemer"), ("reason", "x"), ("confirm", "yes"), ("expected", "1")];
    let _ = admin.post("/admin/sessions/end", &all).await.to("/admin/sessions");
    let _ = admin.get("/admin/sessions").await.has(&format!("1 session was ended. {unconfirmed}"));
    let _ = bob.sign_in(&app.client()).await;
    let _ = admin.post(&format!("{bob_path}/deactivate"), &[]).await.to(&bob_path);
    let _ = admin
        .get(&bob_path)
        .await
        .has(&format!("The account is deactivated. 1 session was ended. {unconfirmed}"));

    let (eva, client) = app.person("Eva Engstrom").await;
    let _ = eva.sign_in(&app.client()).await;
    let third = app.client();
    let _ = eva.sign_in(&third).await;
    let limit = "Your oldest session was ended, because only so many are allowed at once.";
    let _ = third.get("/profile").await.has(&format!("{limit} {unconfirmed}"));
    let page = admin.post(&format!("{}/send-reset", app.admin_path(&eva)), &[]).await.expect(200);
    let token = token_of(&link_on(&page));
    let fields = [("token", &*token), ("password", new), ("password_confirmation", new)];
    let _ = client.post("/password/reset", &fields).await.to("/login");
    let _ = client
        .get("/login")
        .await
        .has(&format!("wherever you were signed in, that has ended. {unconfirmed}"));
}
