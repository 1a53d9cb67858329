//! Tests the session store's contract on each backend: SQLite, Postgres and Redis.

mod forged_keys;

use std::rc::Rc;

use crate::support::{
    concurrent::send,
    forged_cookies::{SECRET, key_in, store_key},
    test_routes::{builder_on, counter, session_id},
    *,
};

const DAY: i64 = 24 * 60 * 60;

/// Starts an application with a session secret that the tests know.
async fn start(backend: Backend) -> (TestApp, Barrier) {
    let (builder, barrier) = builder_on(backend);
    (builder.var("SESSION_SECRET", SECRET).start().await, barrier)
}

async fn change(client: &Client) {
    let _ = client.post("/test/change", &[]).await.expect(200);
}

/// Asserts that a client is not signed in: a page redirects to the sign-in, a form gets a 401, and the front page shows
/// no user.
async fn assert_anonymous(client: &Client) {
    assert!(!signed_in(&client.copy()).await);
    let _ = client.copy().post("/test/change", &[]).await.expect(401);
    let _ = client.copy().get("/").await.expect(200).has("You are not signed in.");
}

/// Seconds between the last-seen time and the idle end in the catalogue.
fn idle_seconds(app: &TestApp, id: &str) -> i64 {
    app.seconds_between(id, SessionTime::LastSeen, SessionTime::Expires).round() as i64
}

on_all_backends!(store_creates_session_only_at_login, |backend| async {
    let (app, _) = start(backend).await;
    let visitor = app.client();
    for path in ["/test/who", "/", "/profile"] {
        assert_eq!(visitor.get(path).await.set_cookies(), []);
    }
    for path in ["/test/write", "/test/change", "/test/rotate", "/test/purge"] {
        let answer = visitor.post(path, &[]).await;
        assert_eq!(new_cookie(&answer), None, "{}", answer.summary());
    }
    assert_eq!((app.session_ids(), app.store_entries()), (vec![], vec![]));
    let ada = Person::new("Ada Lovelace");
    let first = new_cookie(&ada.register(&visitor).await).unwrap();
    let keys = app.store_keys();
    assert_eq!(keys, [store_key(&key_in(&first.value))], "the cookie's key, hashed");
    assert_eq!(app.store_entries(), keys);
});

on_all_backends!(store_state_round_trips, |backend| async {
    let (app, _) = start(backend).await;
    let second = app.second_instance().await;
    let (_, ada) = app.person("Ada Lovelace").await;
    let (_, grace) = app.person("Grace Hopper").await;
    let (key, id) = (ada.cookie(COOKIE).unwrap().value, session_id(&ada).await);
    assert_eq!(counter(&ada).await, None);
    for round in 1..=3 {
        change(&ada).await;
        assert_eq!((counter(&ada).await, counter(&ada.at(&second)).await), (Some(round), Some(round)));
    }
    assert_eq!(counter(&grace).await, None, "another session has a state of its own");
    assert_eq!(key_in(&ada.cookie(COOKIE).unwrap().value), key_in(&key), "a change keeps the key");
    assert_eq!((session_id(&ada).await, app.store_entries().len()), (id, 2));
});

on_all_backends!(store_rotation_changes_key_only, |backend| async {
    let (app, _) = start(backend).await;
    let ada = Person::new("Ada Lovelace");
    for remembered in [false, true] {
        let client = app.client();
        let _ = match remembered {
            true => ada.sign_in_remembered(&client).await,
            false => ada.register(&client).await,
        };
        change(&client).await;
        let (id, mut old_clients, lifetime) =
            (session_id(&client).await, vec![client.copy()], client.cookie(COOKIE).unwrap().max_age());
        for _ in 0..2 {
            let answer = client.post("/test/rotate", &[]).await.expect(200);
            assert_eq!(new_cookie(&answer).unwrap().max_age(), lifetime);
            old_clients.push(client.copy());
        }
        let _ = old_clients.pop();
        assert_eq!((session_id(&client).await, counter(&client).await), (id.clone(), Some(1)));
        app.set_rotated_ago(60);
        for old in &old_clients {
            assert_anonymous(old).await;
        }
        let key = store_key(&key_in(&client.cookie(COOKIE).unwrap().value));
        assert_eq!(app.store_key_of(&id), key);
    }
    assert_eq!(app.store_entries().len(), 2, "the old entries are gone");
});

on_all_backends!(store_login_inherits_no_state, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    change(&client).await;
    let (before, id) = (client.copy(), session_id(&client).await);
    let _ = ada.sign_in(&client).await;
    assert_eq!(counter(&client).await, None);
    assert_anonymous(&before).await;
    assert_ne!(session_id(&client).await, id);
    assert_eq!((app.end_reason(&id).as_deref(), app.store_entries().len()), (Some("replaced"), 1));
});

on_all_backends!(store_purge_removes_cookie_and_state, |backend| async {
    let (app, _) = start(backend).await;
    let (_, client) = app.person("Ada Lovelace").await;
    change(&client).await;
    let before = client.copy();
    let removal = client.post("/logout", &[]).await.to("/").set_cookies();
    let removal = removal.iter().find(|cookie| cookie.name == COOKIE).unwrap();
    assert_eq!((removal.max_age(), removal.attribute("path")), (Some(0), Some("/")));
    assert_eq!(client.cookie(COOKIE), None);
    assert_anonymous(&before).await;
    let visit = before.get("/test/who").await.expect(200);
    assert_eq!((visit.json()["counter"].as_u64(), new_cookie(&visit)), (None, None));
    assert_eq!((app.active_session_ids(), app.store_entries()), (vec![], vec![]));
});

on_all_backends!(store_request_renews_lifetime, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, plain) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    let _ = ada.sign_in_remembered(&remembered).await;
    for (client, ttl) in [(&plain, DAY), (&remembered, 30 * DAY)] {
        let id = session_id(client).await;
        let entry = format!("sess:{}", app.store_key_of(&id));
        let is_full_ttl = |seconds: i64| (ttl - 60..=ttl + 120).contains(&seconds);
        assert!(is_full_ttl(idle_seconds(&app, &id)), "{}", idle_seconds(&app, &id));
        if backend == Backend::Redis {
            assert!(is_full_ttl(app.redis().ttl(&entry)), "{}", app.redis().ttl(&entry));
            assert_eq!(app.redis().command::<i64>(&["EXPIRE", &entry, "100"]), 1);
        }
        app.expire_session_soon(&id);
        let answer = client.get("/profile").await.expect(200);
        assert_eq!(new_cookie(&answer).and_then(|cookie| cookie.max_age()), (ttl > DAY).then_some(ttl));
        if backend == Backend::Redis {
            assert!(is_full_ttl(app.redis().ttl(&entry)), "not renewed: {}", app.redis().ttl(&entry));
        }
        eventually(|| async { app.was_seen_again(&id) }).await;
        assert!(is_full_ttl(idle_seconds(&app, &id)), "not renewed: {}", idle_seconds(&app, &id));
        // A change renews the lifetime too, and keeps it finite.
        change(client).await;
        if backend == Backend::Redis {
            assert!(is_full_ttl(app.redis().ttl(&entry)), "{}", app.redis().ttl(&entry));
        }
    }
});

on_all_backends!(store_expired_session_gone_for_request_in_flight, |backend| async {
    let (app, barrier) = start(backend).await;
    for path in ["/test/held/read", "/test/held/rotate"] {
        let (_, client) = app.person(&format!("Ada {}", &path[11..])).await;
        let client = Rc::new(client);
        let before = client.copy();
        let held = send(&client, path);
        barrier.wait_for(1).await;
        app.expire_all_sessions();
        assert_anonymous(&before).await;
        barrier.release(1);
        let _ = held.await.unwrap();
        assert_anonymous(&before).await;
        if backend == Backend::Redis {
            assert_eq!(app.store_entries(), Vec::<String>::new());
            assert_anonymous(&client).await;
        }
    }
});

on_all_backends!(store_missing_state_ends_session, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let lost = session_id(&client).await;
    let other = app.client();
    let _ = ada.sign_in(&other).await;
    app.lose_state(&lost);
    assert_anonymous(&client).await;
    assert_eq!(listed_sessions(&other).await, [session_id(&other).await]);
    assert_eq!((app.end_reason(&lost).as_deref(), app.active_session_ids().len()), (Some("missing"), 1));
});
