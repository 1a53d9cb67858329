//! Tests sessions of apps and scripts, whose key is a token in `Authorization: Bearer`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{test_routes, *};

const GET: Method = Method::GET;
const POST: Method = Method::POST;

async fn sign_in(app: &TestApp, person: &Person) -> Value {
    let sent = json!({"email": person.email, "password": person.password, "token": true});
    let answer = app.client().post_json("/auth/login", &sent).await.expect(200);
    assert_eq!(answer.set_cookies(), []);
    answer.json()
}

on_both_stacks!(token_is_given_once_without_cookie, |stack| async {
    let app = TestApp::start(stack).await;
    let sent = json!({"name": "Ada", "email": "ada@example.org", "password": PASSWORD, "token": true});
    let client = app.client();
    let answer = client.post_json("/auth/register", &sent).await.expect(201);
    assert_eq!(answer.set_cookies(), []);
    let registered = answer.json();
    let ada = Person { email: "ada@example.org".to_owned(), ..Person::new("Ada") };
    let signed_in = sign_in(&app, &ada).await;
    for body in [&registered, &signed_in] {
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["expires_at", "message", "session_id", "token", "user"]);
        let token = body["token"].as_str().unwrap();
        assert!(
            token.len() > 80
                && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        let session = client.with_token(GET, "/auth/session", token).send().await.expect(200);
        assert_eq!(session.set_cookies(), []);
        assert_eq!(session.json()["session_id"], body["session_id"]);
        assert!(!session.body.contains(token));
    }
    assert_ne!(registered["token"], signed_in["token"]);
    assert_eq!(app.active_sessions_of(&ada).len(), 2);
});

on_all_backends!(token_session_is_like_any_other, |backend| async {
    let (app, _) = test_routes::builder_on(backend);
    let app = app.start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let signed_in = sign_in(&app, &ada).await;
    let (token, id) = (signed_in["token"].as_str().unwrap(), signed_in["session_id"].as_str().unwrap());
    let script = app.client().user_agent("curl/8.5.0");
    assert_eq!(script.status_of(token).await, 200);

    // It is listed, rolls, and is ended from the list.
    assert!(listed_sessions(&client).await.contains(&id.to_owned()));
    app.set_session_time(id, SessionTime::LastSeen, "2026-01-01 00:00:00");
    assert_eq!(script.status_of(token).await, 200);
    eventually(|| async { app.was_seen_again(id) }).await;
    client.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    let refused = script.with_token(GET, "/auth/me", token).send().await;
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer realm=\"gatehouse\", error=\"invalid_token\"")
    );
    refused.problem(401);

    // Its own sign-out counts for it alone.
    let token = ada.take_token(&app).await;
    let answer = script.with_token(POST, "/auth/logout", &token).send().await.expect(204);
    assert_eq!(answer.set_cookies(), []);
    assert_eq!(answer.header("clear-site-data"), None);
    assert_eq!(script.status_of(&token).await, 401);
    client.get("/auth/me").await.expect(200);
    assert_eq!(app.end_reasons(), ["ended_by_user", "logout"]);
});

on_both_stacks!(token_is_rotated_and_replaced, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (script, old) = (app.client(), ada.take_token(&app).await);
    let answer = script.with_token(POST, "/auth/rotate-session", &old).send().await.expect(200);
    assert_eq!(answer.set_cookies(), []);
    let new = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(script.status_of(&new).await, 200);
    assert_eq!(script.status_of(&old).await, 503);
    app.set_rotated_ago(60);
    assert_eq!(script.status_of(&old).await, 401);

    // Whoever signs in with a token gets another one in its place.
    let sent = json!({"email": ada.email, "password": ada.password, "token": true});
    let answer = script.with_token(POST, "/auth/login", &new).json(&sent).send().await.expect(200);
    assert_eq!(answer.set_cookies(), []);
    assert_eq!(script.status_of(&new).await, 401);
    let newest = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(script.status_of(&newest).await, 200);
    let refused = script.with_token(POST, "/auth/login", &newest).json(&ada.credentials()).send().await;
    refused.refused_fields(&["token"]);
    assert_eq!(script.status_of(&newest).await, 200);
    assert_eq!(app.end_reasons(), ["replaced"]);
});

on_both_stacks!(token_beside_cookie_400, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let token = ada.take_token(&app).await;
    let before = app.written();
    for (method, path) in
        [(GET, "/auth/me"), (GET, "/auth/session"), (POST, "/auth/logout"), (POST, "/auth/login")]
    {
        for sent in [token.as_str(), "x"] {
            let answer = client.with_token(method.clone(), path, sent).send().await;
            assert!(answer.problem(400)["detail"].as_str().unwrap().contains("cookie"));
            assert_eq!(answer.set_cookies(), []);
        }
    }
    assert_eq!(app.written(), before);
    client.get("/auth/me").await.expect(200);
    assert_eq!(app.client().status_of(&token).await, 200);
});

on_both_stacks!(token_counts_for_calls_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (script, token) = (app.client(), ada.take_token(&app).await);
    for path in ["/profile", "/sessions", "/activity"] {
        let page = script.with_token(GET, path, &token).send().await;
        assert!(page.location().is_some_and(|to| to.starts_with("/login")), "{}", page.summary());
    }
    script.with_token(GET, "/auth/docs", &token).send().await.expect(200).lacks(&ada.email);
    // A token is no cookie, nor the other way round.
    let browser = app.client();
    browser.set_cookie(COOKIE, &token);
    browser.get("/auth/me").await.problem(401);
    let (_, other) = app.person("Grace Hopper").await;
    let cookie = other.cookie(COOKIE).unwrap().value;
    assert_eq!(script.status_of(&cookie).await, 401);
    assert_eq!(
        script.status_of(&cookie.replace("%2B", "-").replace("%2F", "_").replace("%3D", "")).await,
        401
    );
});

on_both_stacks!(token_malformed_401, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (script, token) = (app.client(), ada.take_token(&app).await);
    let other = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    let long = "a".repeat(8_000);
    let values = [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "bearer =",
        "Bearer a b",
        &format!("Bearer {other}x"),
        &format!("Bearer {long}"),
    ]
    .map(str::to_owned);
    for value in values {
        let request = || script.request(GET, "/auth/me").header("authorization", &value);
        let answer = request().send().await;
        assert!(answer.header("www-authenticate").is_some_and(|told| told.starts_with("Bearer ")), "{value}");
        answer.problem(401);
    }
    let session = script.request(GET, "/auth/session").header("authorization", "Bearer x").send().await;
    assert_eq!(session.expect(200).json(), json!({"authenticated": false}));
    // Other schemes are for others.
    let basic = script.request(GET, "/auth/me").header("authorization", "Basic YTpi").send().await;
    assert_eq!(basic.header("www-authenticate"), None);
    basic.problem(401);
    assert_eq!(
        script
            .request(GET, "/auth/me")
            .header("authorization", &format!("bearer  {token}"))
            .send()
            .await
            .status,
        200
    );
});

on_both_stacks!(token_stays_when_role_changes, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (script, token) = (app.client(), ada.take_token(&app).await);
    let path = app.admin_path(&ada);
    admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
    for _ in 0..2 {
        let me = script.with_token(GET, "/auth/me", &token).send().await.expect(200);
        assert_eq!(me.json()["user"]["role"], "admin");
    }
    admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    assert_eq!(script.status_of(&token).await, 401);
});

on_both_stacks!(token_needs_no_origin, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (script, token) = (app.client(), ada.take_token(&app).await);
    let request = script.with_token(POST, "/auth/rotate-session", &token).cross_site("https://app.example");
    let new = request.send().await.expect(200).json()["token"].as_str().unwrap().to_owned();
    let page = script.with_token(POST, "/logout", &new).cross_site("https://app.example").send().await;
    page.expect(403);
});

on_both_stacks!(token_under_an_older_secret_is_read, |stack| async {
    let (old, new) = (random_secret(), random_secret());
    let mut app = TestApp::builder(stack).var("SESSION_SECRET", &old).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let token = ada.take_token(&app).await;
    app.restart_with(&[("SESSION_SECRET", &format!("{new},{old}"))]).await;
    let script = app.client();
    assert_eq!(script.status_of(&token).await, 200);
    script.with_token(GET, "/auth/verify", &token).send().await.expect(200);
    let rotated = script.with_token(POST, "/auth/rotate-session", &token).send().await.expect(200).json();
    let rotated = rotated["token"].as_str().unwrap().to_owned();
    let fresh = ada.take_token(&app).await;

    // What is given out is under the newest.
    app.restart_with(&[("SESSION_SECRET", &new)]).await;
    for token in [&rotated, &fresh] {
        assert_eq!(script.status_of(token).await, 200);
    }
    assert_eq!(script.status_of(&token).await, 401);
    app.restart_with(&[("SESSION_SECRET", &old)]).await;
    for token in [&rotated, &fresh] {
        assert_eq!(script.status_of(token).await, 401);
    }
});
