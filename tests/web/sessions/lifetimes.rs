//! Tests session lifetimes (idle, remembered, absolute) and when the last-seen time is written.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use reqwest::Method;

use crate::support::{
    routes::{Access, session_routes},
    test_routes::{builder, session_id, start},
    *,
};

async fn assert_ends_as(app: &TestApp, id: &str, because: &str) {
    let ended = eventually(|| async { app.end_reason(id) }).await;
    assert_eq!(ended, because);
    assert_eq!(app.logged_ends(id), [(None, because.to_owned())]);
}

fn set_last_seen_to_2020(app: &TestApp, id: &str) -> String {
    app.set_session_time(id, SessionTime::LastSeen, "2020-01-01 00:00:00");
    app.last_seen(id)
}

on_both_stacks!(session_unused_ends_as_idle, |stack| async {
    let app = builder(stack).0.var("SESSION_IDLE_TTL", "2s").start().await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = app.client();
    grace.sign_in_remembered(&admin).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = session_id(&client).await;
    assert!(listed_sessions_for_admin(&admin).await.contains(&id));

    assert_ends_as(&app, &id, "idle").await;
    let lived = app.seconds_between(&id, SessionTime::LastSeen, SessionTime::Ended);
    assert!(lived >= 2.0, "ended after {lived} s");
    assert!(!signed_in(&client).await);
    client.get("/").await.expect(200).has("You are not signed in.");
    assert!(!listed_sessions_for_admin(&admin).await.contains(&id));
    let other = app.client();
    ada.sign_in_remembered(&other).await;
    assert_eq!(listed_sessions(&other).await, [session_id(&other).await]);
    admin.get("/admin/sessions?state=ended").await.expect(200).has(&ada.email);
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys().len(), 2, "the entries of the two remembered sessions");
    }
});

on_both_stacks!(session_in_use_outlives_idle_ttl, |stack| async {
    let app = builder(stack).0.var("SESSION_IDLE_TTL", "3s").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (id, start) = (session_id(&client).await, Instant::now());
    eventually(|| async {
        assert!(signed_in(&client).await, "after {:?}", start.elapsed());
        start.elapsed() > Duration::from_secs(7)
    })
    .await;
    assert_eq!(listed_sessions(&client).await, std::slice::from_ref(&id));
    assert_ends_as(&app, &id, "idle").await;
    assert!(!signed_in(&client).await);
});

#[actix_web::test]
async fn request_renews_redis_ttl() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_IDLE_TTL", "1h").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let [key] = &app.redis().keys()[..] else { panic!("{:?}", app.redis().keys()) };
    let left = eventually(|| async { Some(app.redis().pttl(key)).filter(|left| *left < 3_598_500) }).await;
    client.get("/profile").await.expect(200);
    let renewed = app.redis().pttl(key);
    assert!(left > 0 && renewed > left && renewed <= 3_600_000, "{left} ms, then {renewed} ms");
    client.get("/static/none").await.expect(404);
    assert!(app.redis().pttl(key) <= renewed, "static files do not renew the lifetime");
}

on_both_stacks!(remembered_session_outlives_idle_ttl_and_browser, |stack| async {
    let app = builder(stack).0.var("SESSION_IDLE_TTL", "2s").var("SESSION_REMEMBER_TTL", "1h").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (plain, remembered) = (app.client(), app.client());
    ada.sign_in_remembered(&remembered).await;
    let before = session_id(&remembered).await;
    remembered.close();
    // Neither session gets a request from here on; the plain one expires first.
    ada.sign_in(&plain).await;
    let id = session_id(&plain).await;
    assert_ends_as(&app, &id, "idle").await;
    assert_eq!(listed_sessions(&remembered).await, [before]);
});

on_both_stacks!(remembered_session_ttl_renewed_by_each_request, |stack| async {
    let app = builder(stack).0.var("SESSION_IDLE_TTL", "2s").var("SESSION_REMEMBER_TTL", "4s").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    ada.sign_in_remembered(&client).await;
    let (id, start) = (session_id(&client).await, Instant::now());
    eventually(|| async {
        let page = client.get("/profile").await.expect(200);
        assert_eq!(new_cookie(&page).unwrap().max_age(), Some(4), "after {:?}", start.elapsed());
        start.elapsed() > Duration::from_secs(6)
    })
    .await;
    assert_ends_as(&app, &id, "idle").await;
    assert!(app.seconds_between(&id, SessionTime::Created, SessionTime::Ended) >= 10.0);
    assert!(!signed_in(&client).await);
});

on_both_stacks!(session_never_outlives_absolute_ttl, |stack| async {
    let limit = Duration::from_secs(3);
    let app = builder(stack).0.var("SESSION_ABSOLUTE_TTL", "3s").start().await;
    let (ada, plain) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    ada.sign_in_remembered(&remembered).await;
    let start = Instant::now();
    let ids = [session_id(&plain).await, session_id(&remembered).await];
    for client in [&plain, &remembered] {
        let last = Cell::new(start);
        eventually(|| async {
            let sent_at = Instant::now();
            let refused = !signed_in(client).await;
            if !refused {
                last.set(sent_at);
            }
            refused
        })
        .await;
        assert!(last.get() - start < limit, "it worked {:?} after the sign-in", last.get() - start);
        client.get("/").await.expect(200).has("You are not signed in.");
    }
    for id in &ids {
        assert_ends_as(&app, id, "absolute").await;
        assert!(app.seconds_between(id, SessionTime::Created, SessionTime::Ended) >= 3.0);
    }
    if stack == Stack::PostgresRedis {
        eventually(|| async { app.redis().keys().is_empty() }).await;
    }
});

on_both_stacks!(login_succeeds_with_cookie_past_absolute_ttl, |stack| async {
    // The sweep runs every two seconds, so it has rarely ended the session before the login.
    let app = builder(stack).0.var("SESSION_ABSOLUTE_TTL", "8s").start().await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let second = app.client();
    ada.sign_in_remembered(&second).await;
    for (client, id) in [(&first, session_id(&first).await), (&second, session_id(&second).await)] {
        eventually(|| async { app.is_past_absolute_end(&id) }).await;
        ada.sign_in(client).await;
        assert!(signed_in(client).await, "signed in at the first attempt");
        assert_ne!(session_id(client).await, id);
        assert_ends_as(&app, &id, "absolute").await;
    }
});

on_both_stacks!(last_seen_not_written_by_every_request, |stack| async {
    let (mut app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let id = session_id(&client).await;
    let at_sign_in = app.last_seen(&id);
    for _ in 0..3 {
        client.get("/profile").await.expect(200);
    }
    app.restart().await;
    assert_eq!(app.last_seen(&id), at_sign_in);

    let long_ago = set_last_seen_to_2020(&app, &id);
    client.get("/profile").await.expect(200);
    let seen = eventually(|| async { Some(app.last_seen(&id)).filter(|seen| *seen != long_ago) }).await;
    assert!(seen > at_sign_in, "{seen} {at_sign_in}");
    for _ in 0..3 {
        client.get("/profile").await.expect(200);
    }
    app.stop().await;
    assert_eq!(app.last_seen(&id), seen);
});

on_both_stacks!(last_seen_write_does_not_delay_requests, |stack| async {
    let (app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let id = session_id(&client).await;
    let long_ago = set_last_seen_to_2020(&app, &id);
    let lock = app.lock_sessions();
    for _ in 0..3 {
        client.get("/profile").await.expect(200);
    }
    assert_eq!(app.last_seen(&id), long_ago);
    lock.commit();
    eventually(|| async { app.last_seen(&id) != long_ago }).await;
});

on_both_stacks!(last_seen_flushed_at_shutdown, |stack| async {
    let (mut app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let id = session_id(&client).await;
    for _ in 0..3 {
        let long_ago = set_last_seen_to_2020(&app, &id);
        client.get("/profile").await.expect(200);
        app.stop().await;
        assert_ne!(app.last_seen(&id), long_ago);
        app.restart().await;
    }
});

/// Whether a page keeps itself current: its script asks for it again in the background.
fn keeps_itself_current(page: &Answer) -> bool {
    let parts = "[data-live-list], [data-live-session], [data-live-overview], [data-own-sessions]";
    page.is_html() && page.document().select(&scraper::Selector::parse(parts).unwrap()).next().is_some()
}

on_both_stacks!(background_mark_counts_on_known_reads_only, |stack| async {
    let (mut app, _) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (id, user) = (own_session_id(&admin).await, app.user_id(&grace).to_string());
    let mark = async |method: Method, path: &str| {
        let request = admin.request(method, path).header("x-background", "1");
        request.form(&[("name", "Grace")]).send().await
    };
    let mut current = Vec::new();
    for line in session_routes().into_iter().filter(|line| line.method.as_str() == "GET") {
        let path = line
            .path
            .replace("sessions/{id}", &format!("sessions/{id}"))
            .replace("users/{id}", &format!("users/{user}"));
        if line.access == Access::Public
            || path.contains('{')
            || path.ends_with("/events") && path.contains("session")
        {
            continue;
        }
        if keeps_itself_current(&admin.get(&path).await) {
            current.push(path);
            continue;
        }
        let long_ago = set_last_seen_to_2020(&app, &id);
        mark(Method::GET, &path).await;
        eventually(|| async { app.last_seen(&id) != long_ago }).await;
    }
    assert_eq!(current, ["/sessions", "/admin", "/admin/sessions", &format!("/admin/sessions/{id}")]);
    for path in current.iter().map(String::as_str).chain(["/profile"]) {
        let long_ago = set_last_seen_to_2020(&app, &id);
        mark(Method::POST, path).await;
        eventually(|| async { app.last_seen(&id) != long_ago }).await;
        let request = admin.request(Method::GET, "/profile").header("accept", "text/event-stream");
        let long_ago = set_last_seen_to_2020(&app, &id);
        request.send().await;
        eventually(|| async { app.last_seen(&id) != long_ago }).await;
    }
    let long_ago = set_last_seen_to_2020(&app, &id);
    for path in &current {
        mark(Method::GET, path).await.expect(200);
    }
    app.stop().await;
    assert_eq!(app.last_seen(&id), long_ago);
});
