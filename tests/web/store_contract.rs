//! Tests the session store's contract on each backend: SQLite, Postgres and Redis.

mod forged;

use std::rc::Rc;

use actix_session::Session;
use actix_web::{
    HttpResponse,
    cookie::{Cookie as PlainCookie, CookieJar, Key},
    web,
};
use gatehouse::config::Config;
use sha2::{Digest as _, Sha256};

use crate::{engine::*, support::*};

const DAY: i64 = 24 * 60 * 60;

/// The session secret, for tests that make cookies themselves.
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Starts an application with a handler that writes into the session of any client.
async fn start(backend: Backend) -> (TestApp, Door) {
    let (builder, door) = backend.builder();
    let inside = door.clone();
    let builder = builder.var("SESSION_SECRET", SECRET).routes(move |app| {
        add_routes(app, inside.clone());
        app.route("/test/write", web::post().to(write));
    });
    (builder.start().await, door)
}

async fn write(session: Session) -> HttpResponse {
    session.insert("counter", 7).unwrap();
    HttpResponse::Ok().finish()
}

/// The number of changes stored in the session; panics if no user is signed in.
async fn counter(client: &Client) -> Option<u64> {
    let who = client.get("/test/who").await.expect(200).json();
    assert!(who["user"].is_string(), "nobody is signed in: {who}");
    who["counter"].as_u64()
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

/// The stored state of the only active session.
fn stored_state(app: &TestApp, backend: Backend) -> String {
    match backend {
        Backend::Redis => app.redis().get(&app.redis().keys()[0]).unwrap(),
        _ => app.query_one("SELECT state FROM sessions WHERE ended_at IS NULL").unwrap(),
    }
}

/// Replaces a stored state.
fn replace_state(app: &TestApp, backend: Backend, key: &str, text: &str) {
    match backend {
        Backend::Redis => app.redis().set(&format!("sess:{key}"), text),
        _ => {
            let (text, key) = (quoted(text), quoted(key));
            assert_eq!(app.sql(&format!("UPDATE sessions SET state = {text} WHERE store_key = {key}")), 1);
        }
    }
}

/// Seconds between the last-seen time and the idle end in the catalogue.
fn idle_seconds(app: &TestApp, backend: Backend, id: &str) -> i64 {
    let difference = match backend {
        Backend::Sqlite => {
            "CAST(round((julianday(expires_at) - julianday(last_seen_at)) * 86400) AS INTEGER)"
        }
        _ => "CAST(extract(epoch FROM expires_at - last_seen_at) AS BIGINT)",
    };
    let seconds = app.query_one(&format!("SELECT {difference} FROM sessions WHERE id = {}", quoted(id)));
    seconds.unwrap().parse().unwrap()
}

fn cookie_key() -> Key {
    let vars = [("DATABASE_URL", "sqlite://unused.db"), ("SESSION_SECRET", SECRET)];
    let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.unwrap_or_else(|mistakes| panic!("{mistakes}")).session.secret.cookie_key()
}

/// The session key in a cookie.
fn key_in(cookie: &str) -> String {
    let mut jar = CookieJar::new();
    jar.add_original(PlainCookie::parse_encoded(format!("{COOKIE}={cookie}")).unwrap());
    jar.private(&cookie_key()).get(COOKIE).unwrap().value().to_owned()
}

/// The store's form of a session key: the hash of all but the first character.
fn store_key(key: &str) -> String {
    hex::encode(Sha256::digest(&key[1..]))
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
    assert_eq!((column(&app, "SELECT id FROM sessions"), backend.entries(&app)), (vec![], vec![]));
    let ada = Person::new("Ada Lovelace");
    let first = new_cookie(&ada.register(&visitor).await).unwrap();
    let keys = column(&app, "SELECT store_key FROM sessions");
    assert_eq!(keys, [store_key(&key_in(&first.value))], "the cookie's key, hashed");
    assert_eq!(backend.entries(&app), keys);
});

on_all_backends!(store_state_round_trips, |backend| async {
    let (app, _) = start(backend).await;
    let second = app.second_instance().await;
    let (_, ada) = app.person("Ada Lovelace").await;
    let (_, grace) = app.person("Grace Hopper").await;
    let (key, id) = (ada.cookie(COOKIE).unwrap().value, id_of(&ada).await);
    assert_eq!(counter(&ada).await, None);
    for round in 1..=3 {
        change(&ada).await;
        assert_eq!((counter(&ada).await, counter(&ada.at(&second)).await), (Some(round), Some(round)));
    }
    assert_eq!(counter(&grace).await, None, "another session has a state of its own");
    assert_eq!(key_in(&ada.cookie(COOKIE).unwrap().value), key_in(&key), "a change keeps the key");
    assert_eq!((id_of(&ada).await, backend.entries(&app).len()), (id, 2));
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
            (id_of(&client).await, vec![client.copy()], client.cookie(COOKIE).unwrap().max_age());
        for _ in 0..2 {
            let answer = client.post("/test/rotate", &[]).await.expect(200);
            assert_eq!(new_cookie(&answer).unwrap().max_age(), lifetime);
            old_clients.push(client.copy());
        }
        let _ = old_clients.pop();
        assert_eq!((id_of(&client).await, counter(&client).await), (id.clone(), Some(1)));
        for old in &old_clients {
            assert_anonymous(old).await;
        }
        let key = column(&app, &format!("SELECT store_key FROM sessions WHERE id = {}", quoted(&id)));
        assert_eq!(key, [store_key(&key_in(&client.cookie(COOKIE).unwrap().value))]);
    }
    assert_eq!(backend.entries(&app).len(), 2, "the old entries are gone");
});

on_all_backends!(store_login_inherits_no_state, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    change(&client).await;
    let (before, id) = (client.copy(), id_of(&client).await);
    let _ = ada.sign_in(&client).await;
    assert_eq!(counter(&client).await, None);
    assert_anonymous(&before).await;
    assert_ne!(id_of(&client).await, id);
    assert_eq!((reason(&app, &id).as_deref(), backend.entries(&app).len()), (Some("replaced"), 1));
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
    assert_eq!((live(&app), backend.entries(&app)), (vec![], vec![]));
});

on_all_backends!(store_request_renews_lifetime, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, plain) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    let _ = ada.sign_in_remembered(&remembered).await;
    for (client, ttl) in [(&plain, DAY), (&remembered, 30 * DAY)] {
        let id = id_of(client).await;
        let of_session = format!("SELECT store_key FROM sessions WHERE id = {}", quoted(&id));
        let entry = format!("sess:{}", column(&app, &of_session)[0]);
        let is_full_ttl = |seconds: i64| (ttl - 60..=ttl + 120).contains(&seconds);
        assert!(is_full_ttl(idle_seconds(&app, backend, &id)), "{}", idle_seconds(&app, backend, &id));
        if backend == Backend::Redis {
            assert!(is_full_ttl(app.redis().ttl(&entry)), "{}", app.redis().ttl(&entry));
            assert_eq!(app.redis().ask::<i64>(&["EXPIRE", &entry, "100"]), 1);
        }
        let late = match backend {
            Backend::Sqlite => "datetime('now', '+100 seconds')",
            _ => "(now() AT TIME ZONE 'utc') + interval '100 seconds'",
        };
        let id_is = format!("WHERE id = {}", quoted(&id));
        app.sql(&format!(
            "UPDATE sessions SET last_seen_at = '2026-01-01 00:00:00', expires_at = {late} {id_is}"
        ));
        let answer = client.get("/profile").await.expect(200);
        assert_eq!(new_cookie(&answer).and_then(|cookie| cookie.max_age()), (ttl > DAY).then_some(ttl));
        if backend == Backend::Redis {
            assert!(is_full_ttl(app.redis().ttl(&entry)), "not renewed: {}", app.redis().ttl(&entry));
        }
        let seen = format!("SELECT count(*) FROM sessions {id_is} AND last_seen_at > '2026-01-01 00:00:01'");
        eventually(|| async { app.query_one(&seen).as_deref() == Some("1") }).await;
        assert!(
            is_full_ttl(idle_seconds(&app, backend, &id)),
            "not renewed: {}",
            idle_seconds(&app, backend, &id)
        );
        // A change renews the lifetime too, and keeps it finite.
        change(client).await;
        if backend == Backend::Redis {
            assert!(is_full_ttl(app.redis().ttl(&entry)), "{}", app.redis().ttl(&entry));
        }
    }
});

on_all_backends!(store_expired_session_gone_for_request_in_flight, |backend| async {
    let (app, door) = start(backend).await;
    for path in ["/test/held/read", "/test/held/rotate"] {
        let (_, client) = app.person(&format!("Ada {}", &path[11..])).await;
        let client = Rc::new(client);
        let before = client.copy();
        let held = send(&client, path);
        door.come(1).await;
        match backend {
            Backend::Redis => app.redis().flush(),
            _ => drop(app.sql("UPDATE sessions SET expires_at = '2026-01-01 00:00:00', last_seen_at = '2026-01-01 00:00:00'")),
        }
        assert_anonymous(&before).await;
        door.let_in(1);
        let _ = held.await.unwrap();
        assert_anonymous(&before).await;
        if backend == Backend::Redis {
            assert_eq!(backend.entries(&app), Vec::<String>::new());
            assert_anonymous(&client).await;
        }
    }
});

on_all_backends!(store_missing_state_ends_session, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (lost, entry) = (id_of(&client).await, backend.entries(&app).remove(0));
    let other = app.client();
    let _ = ada.sign_in(&other).await;
    match backend {
        Backend::Redis => assert!(app.redis().del(&format!("sess:{entry}"))),
        _ => drop(app.sql(&format!("UPDATE sessions SET state = NULL WHERE id = {}", quoted(&lost)))),
    }
    assert_anonymous(&client).await;
    assert_eq!(listed(&other).await, [id_of(&other).await]);
    assert_eq!((reason(&app, &lost).as_deref(), live(&app).len()), (Some("missing"), 1));
});
