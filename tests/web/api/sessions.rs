//! Tests the list of the own sessions, their ends, and the rotation of the key.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

async fn list(client: &Client) -> Vec<Value> {
    client.get("/auth/sessions").await.expect(200).json()["sessions"].as_array().unwrap().clone()
}

on_both_stacks!(call_sessions_lists_own, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    app.person("Grace Hopper").await;
    let phone = app.client();
    ada.sign_in_remembered(&phone).await;
    let token = ada.take_token(&app).await;
    let sessions = list(&client).await;
    let ids: Vec<&str> = sessions.iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(ids, listed_sessions(&client).await);
    assert_eq!(sessions.len(), 3);
    let first = sessions[0].as_object().unwrap();
    let fields: Vec<&String> = first.keys().collect();
    let expected = [
        "bound",
        "created_at",
        "current",
        "device",
        "expires_at",
        "id",
        "ip",
        "kind",
        "last_seen_at",
        "method",
        "remembered",
        "sites",
    ];
    assert_eq!(fields, expected);
    let current: Vec<bool> = sessions.iter().map(|session| session["current"] == true).collect();
    assert_eq!(current, [true, false, false]);
    assert_eq!(first["device"], "Firefox 140 on Linux");
    assert_eq!(sessions.iter().filter(|session| session["remembered"] == true).count(), 1);
    assert_eq!(list(&phone).await[0]["id"], own_session_id(&phone).await);
    let by_token =
        app.client().with_token(Method::GET, "/auth/sessions", &token).send().await.expect(200).json();
    assert_eq!(by_token["sessions"].as_array().unwrap().len(), 3);
});

on_both_stacks!(call_sessions_page_by_page, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let own = app.session_of(&ada);
    for _ in 0..54 {
        ada.sign_in(&app.client()).await;
    }
    assert_eq!(app.client().get("/auth/sessions?after=x").await.status, 401);
    let first = client.get("/auth/sessions").await.expect(200).json();
    let next = first["next"].as_str().unwrap();
    let second = client.get(&format!("/auth/sessions?after={next}")).await.expect(200).json();
    assert_eq!(second["next"], Value::Null);
    let count = |page: &Value| page["sessions"].as_array().unwrap().len();
    assert_eq!(count(&first) + count(&second), 55);
    assert_eq!(first["sessions"][0]["id"], own);
    client.get("/auth/sessions?after=x").await.refused_fields(&["after"]);
});

on_both_stacks!(call_ends_one_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, grace) = app.person("Grace Hopper").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let id = own_session_id(&other).await;
    for wrong in [own_session_id(&grace).await, "aaaaaaaaaaaaaaaaaaaaaa".to_owned(), "%00".to_owned()] {
        client.call(Method::DELETE, &format!("/auth/sessions/{wrong}")).send().await.problem(404);
    }
    assert!(signed_in(&grace).await);
    let answer = client.call(Method::DELETE, &format!("/auth/sessions/{id}")).send().await.expect(204);
    assert_eq!(answer.body, "");
    other.get("/auth/me").await.problem(401);
    let own = own_session_id(&client).await;
    client.call(Method::DELETE, &format!("/auth/sessions/{own}")).send().await.expect(204);
    client.get("/auth/me").await.problem(401);
    assert_eq!(app.end_reasons(), ["ended_by_user", "logout"]);
});

on_both_stacks!(call_ends_all_others, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let token = ada.take_token(&app).await;
    client.call(Method::DELETE, "/auth/sessions").send().await.expect(204);
    other.get("/auth/me").await.problem(401);
    assert_eq!(app.client().status_of(&token).await, 401);
    client.get("/auth/me").await.expect(200);
    app.client().call(Method::DELETE, "/auth/sessions").send().await.problem(401);
});

on_both_stacks!(call_ends_others_after_recent_password_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let id = own_session_id(&other).await;
    let one = format!("/auth/sessions/{id}");
    app.forget_confirmations();
    for path in [one.as_str(), "/auth/sessions"] {
        let problem = client.call(Method::DELETE, path).send().await.problem(403);
        assert!(problem["type"].as_str().unwrap().ends_with("/password-needed"), "{problem}");
        let wrong = json!({"confirm_password": "wrong-anchor-93-maple"});
        client.send_json(Method::DELETE, path, &wrong).await.refused_fields(&["confirm_password"]);
    }
    other.get("/auth/me").await.expect(200);
    let right = json!({"confirm_password": PASSWORD});
    client.send_json(Method::DELETE, &one, &right).await.expect(204);
    other.get("/auth/me").await.problem(401);
    client.send_json(Method::DELETE, "/auth/sessions", &right).await.expect(204);
    // Signing out never asks.
    let own = own_session_id(&client).await;
    client.call(Method::DELETE, &format!("/auth/sessions/{own}")).send().await.expect(204);
});

on_both_stacks!(call_rotates_key_of_cookie, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (before, id) = (client.copy(), own_session_id(&client).await);
    let answer = client.call(Method::POST, "/auth/rotate-session").send().await.expect(200);
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "session_id"]);
    assert_eq!(body["session_id"], id);
    assert_ne!(new_cookie(&answer).unwrap().value, before.cookie(COOKIE).unwrap().value);
    client.get("/auth/me").await.expect(200);
    let old = before.get("/auth/me").await;
    assert_eq!(old.header("retry-after"), Some("1"));
    old.problem(503);
    assert_eq!(listed_sessions(&client).await, [id]);
    assert_eq!(app.active_sessions_of(&ada).len(), 1);
    app.client().call(Method::POST, "/auth/rotate-session").send().await.problem(401);
});
