//! Tests registering, signing in and out, and who is signed in.

use reqwest::Method;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{throttling::WRONG, *};

const REGISTER: &str = "/auth/register";

fn new_account() -> Value {
    json!({"name": "Ada Lovelace", "email": "ada@example.org", "password": PASSWORD})
}

/// Asserts that an account is described by exactly what the contract has.
#[track_caller]
fn assert_account(user: &Value, name: &str, email: &str, role: &str) {
    let fields: Vec<&String> = user.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["amr", "created_at", "email", "id", "last_login_at", "method", "name", "role"]);
    assert!(
        user["id"].is_i64() && user["name"] == name && user["email"] == email && user["role"] == role,
        "{user}"
    );
    for field in ["created_at", "last_login_at"] {
        is_recent_utc(&user[field]);
    }
}

#[track_caller]
fn is_recent_utc(time: &Value) {
    let text = time.as_str().unwrap_or_else(|| panic!("{time}"));
    let at = OffsetDateTime::parse(text, &Rfc3339).unwrap();
    assert!(text.ends_with('Z'), "{text}");
    assert!((OffsetDateTime::now_utc() - at).abs() < time::Duration::minutes(5), "{text}");
}

on_both_stacks!(call_register_signs_in_new_user, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    let answer = client.send_json(Method::POST, REGISTER, &new_account()).await.expect(201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(header_complaints(&answer), Vec::<String>::new());
    let body = answer.json();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["message", "user"]);
    assert_account(&body["user"], "Ada Lovelace", "ada@example.org", "user");
    assert!(new_cookie(&answer).is_some_and(|cookie| cookie.is("httponly")));
    let me = client.get("/auth/me").await.expect(200).json();
    assert_eq!(me, json!({"user": body["user"]}));
    client.get("/profile").await.expect(200).has("ada@example.org");
    assert!(!answer.body.contains(PASSWORD) && !answer.body.contains("argon2"));
});

on_both_stacks!(call_register_refuses_taken_address_and_fields, |stack| async {
    let app = TestApp::start(stack).await;
    app.client().send_json(Method::POST, REGISTER, &new_account()).await.expect(201);
    let before = app.written();
    let client = app.client();
    for email in ["ada@example.org", "ADA@Example.ORG"] {
        let mut taken = new_account();
        taken["email"] = json!(email);
        let problem = client.send_json(Method::POST, REGISTER, &taken).await.problem(409);
        assert!(problem["type"].as_str().unwrap().ends_with("/address-taken"), "{problem}");
        assert!(problem["errors"]["email"][0].as_str().unwrap().contains("exists already"));
    }
    for (field, value) in [("name", ""), ("email", "ada"), ("password", "short"), ("password", "password123")]
    {
        let mut sent = json!({"name": "Eve", "email": "eve@example.org", "password": PASSWORD});
        sent[field] = json!(value);
        client.send_json(Method::POST, REGISTER, &sent).await.refused_fields(&[field]);
    }
    client.send_json(Method::POST, REGISTER, &json!({})).await.refused_fields(&["email", "name", "password"]);
    for field in ["role", "id", "is_active", "passwordConfirm", "for_session"] {
        let mut sent = json!({"name": "Eve", "email": "eve@example.org", "password": PASSWORD});
        sent[field] = json!("admin");
        client.send_json(Method::POST, REGISTER, &sent).await.refused_fields(&[field]);
        let form = [("name", "Eve"), ("email", "eve@example.org"), ("password", PASSWORD), (field, "admin")];
        client.call(Method::POST, REGISTER).form(&form).send().await.refused_fields(&[field]);
    }
    assert_eq!(app.written(), before);
    assert_eq!(client.cookies(), []);
});

on_both_stacks!(call_register_closed_403, |stack| async {
    let app = TestApp::builder(stack).var("REGISTRATION", "closed").start().await;
    let problem = app.client().send_json(Method::POST, REGISTER, &new_account()).await.problem(403);
    assert!(problem["detail"].as_str().unwrap().contains("by invitation"));
    let app = TestApp::builder(stack).not_set_up().start().await;
    app.client().send_json(Method::POST, REGISTER, &new_account()).await.problem(403);
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(call_login_and_logout, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    client.get("/auth/me").await.problem(401);
    client.call(Method::POST, "/auth/logout").send().await.problem(401);
    assert_eq!(client.get("/auth/session").await.expect(200).json(), json!({"authenticated": false}));
    assert_eq!(client.cookies(), []);

    let answer = client.send_json(Method::POST, "/auth/login", &ada.credentials()).await.expect(200);
    assert_account(&answer.json()["user"], &ada.name, &ada.email, "user");
    assert_eq!(answer.json().as_object().unwrap().len(), 2);
    assert_eq!(new_cookie(&answer).unwrap().max_age(), None);

    let session = client.get("/auth/session").await.expect(200).json();
    let fields: Vec<&String> = session.as_object().unwrap().keys().collect();
    let expected =
        ["amr", "authenticated", "created_at", "email", "expires_at", "method", "session_id", "user_id"];
    assert_eq!(fields, expected);
    assert_eq!((&session["method"], &session["amr"]), (&json!("password"), &json!(["pwd"])));
    assert_eq!((&session["authenticated"], &session["email"]), (&json!(true), &json!(ada.email)));
    assert_eq!(session["session_id"], own_session_id(&client).await);
    assert_eq!(session["user_id"].to_string(), app.user_id(&ada));
    is_recent_utc(&session["created_at"]);
    let expires = OffsetDateTime::parse(session["expires_at"].as_str().unwrap(), &Rfc3339).unwrap();
    let left = expires - OffsetDateTime::now_utc();
    assert!((time::Duration::minutes(23 * 60 + 55)..=time::Duration::hours(24)).contains(&left), "{left}");

    let answer = client.call(Method::POST, "/auth/logout").send().await.expect(204);
    assert_eq!(answer.body, "");
    client.get("/auth/me").await.problem(401);
    assert!(!signed_in(&client).await);
    assert_eq!(app.end_reasons(), ["logout"]);
});

on_both_stacks!(call_login_remember_and_forms, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (email, password) = (ada.email.as_str(), ada.password.as_str());
    for (sent, remembered) in [("on", true), ("true", true), ("", false), ("off", false), ("false", false)] {
        let form = [("email", email), ("password", password), ("remember", sent)];
        let answer = app.client().call(Method::POST, "/auth/login").form(&form).send().await.expect(200);
        assert_eq!(new_cookie(&answer).unwrap().max_age().is_some(), remembered, "{sent}");
    }
    for remembered in [true, false] {
        let sent = json!({"email": email, "password": password, "remember": remembered});
        let answer = app.client().send_json(Method::POST, "/auth/login", &sent).await.expect(200);
        assert_eq!(new_cookie(&answer).unwrap().max_age().is_some(), remembered);
    }
});

on_both_stacks!(call_login_wrong_401_says_no_more, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let mut answers = Vec::new();
    for email in [ada.email.as_str(), "nobody@example.org"] {
        let sent = json!({"email": email, "password": WRONG});
        let answer = client.send_json(Method::POST, "/auth/login", &sent).await;
        assert_eq!(answer.header("www-authenticate"), None);
        answers.push(answer.problem(401));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["detail"], "Email or password is incorrect.");
    assert_eq!(client.cookies(), []);
});

on_both_stacks!(call_login_guessing_429, |stack| async {
    let app = throttling::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (client, sent) = (app.client(), json!({"email": ada.email, "password": WRONG}));
    let mut last = client.send_json(Method::POST, "/auth/login", &sent).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last.problem(401);
        last = client.send_json(Method::POST, "/auth/login", &sent).await;
    }
    last.problem(429);
    assert!(last.retry_after() > 0);
});

on_both_stacks!(call_login_replaces_session_of_this_browser, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (grace, _) = app.person("Grace Hopper").await;
    let before = client.copy();
    client.send_json(Method::POST, "/auth/login", &grace.credentials()).await.expect(200);
    let me = client.get("/auth/me").await.expect(200).json();
    assert_eq!(me["user"]["email"], grace.email);
    assert!(!signed_in(&before).await);
});

on_both_stacks!(call_profile_changes_name, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let answer =
        client.send_json(Method::PUT, "/auth/profile", &json!({"name": " Ada King "})).await.expect(200);
    assert_account(&answer.json()["user"], "Ada King", &ada.email, "user");
    assert_eq!(client.get("/auth/profile").await.expect(200).json(), answer.json());
    client.call(Method::PUT, "/auth/profile").form(&[("name", "Countess")]).send().await.expect(200);
    client.get("/profile").await.expect(200).has("Countess");
    let before = app.written();
    for name in ["", " ", "\u{202e}", &"x".repeat(101)] {
        let sent = json!({"name": name});
        client.send_json(Method::PUT, "/auth/profile", &sent).await.refused_fields(&["name"]);
    }
    client
        .send_json(Method::PUT, "/auth/profile", &json!({"name": "A", "role": "admin"}))
        .await
        .refused_fields(&["role"]);
    app.client().send_json(Method::PUT, "/auth/profile", &json!({"name": "A"})).await.problem(401);
    assert_eq!(app.written(), before);
});

on_both_stacks!(call_of_administrator_names_role, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, client) = app.admin("Grace Hopper").await;
    let me = client.get("/auth/me").await.expect(200).json();
    assert_account(&me["user"], &grace.name, &grace.email, "admin");
});
