//! Tests registering and signing in with `EMAIL_CONFIRMATION=required`: no session before the address is confirmed, and nobody is told
//! who has an account.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::{admin_pages::any_token_of, smtp::SmtpServer, throttling::WRONG, *};

async fn start(stack: Stack) -> (SmtpServer, TestApp) {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("EMAIL_CONFIRMATION", "required");
    (smtp, app.start().await)
}

async fn register(app: &TestApp, email: &str, token: bool) -> (Client, Answer) {
    let client = app.client();
    let sent = json!({"name": "Ada Lovelace", "email": email, "password": PASSWORD, "token": token});
    let answer = client.send_json(Method::POST, "/auth/register", &sent).await;
    (client, answer)
}

on_both_stacks!(call_register_says_the_same_of_taken_addresses, |stack| async {
    let (smtp, app) = start(stack).await;
    let mut answers = Vec::new();
    for (email, token) in [
        ("ada@example.org", false),
        ("ada@example.org", true),
        ("ADA@example.org", false),
        ("eve@example.org", true),
    ] {
        let (client, answer) = register(&app, email, token).await;
        let answer = answer.expect(202);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(client.cookies(), [], "no session, and nothing else");
        let body = answer.json();
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["message"]);
        let names: BTreeSet<String> = answer.headers.keys().map(ToString::to_string).collect();
        answers.push((answer.body, names));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((app.user_count(), app.active_session_ids().len()), (2, 0));
    smtp.mail_to("ada@example.org", "Confirm your address", 1).await;
    // What can't be used is refused before anybody looks for the account.
    let sent = json!({"name": "Ada", "email": "ada@example.org", "password": "short"});
    let refused = app.client().send_json(Method::POST, "/auth/register", &sent).await;
    refused.refused_fields(&["password"]);
});

on_both_stacks!(call_login_unconfirmed_403, |stack| async {
    let (smtp, app) = start(stack).await;
    register(&app, "ada@example.org", false).await.1.expect(202);
    let first = smtp.mail_to("ada@example.org", "Confirm your address", 1).await;
    let client = app.client();
    for token in [false, true] {
        let sent = json!({"email": "ada@example.org", "password": PASSWORD, "token": token});
        let problem = client.send_json(Method::POST, "/auth/login", &sent).await.problem(403);
        assert!(problem["type"].as_str().unwrap().ends_with("/email-unconfirmed"), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("Confirm your email address"), "{problem}");
    }
    // Only the right password tells.
    let wrong = json!({"email": "ada@example.org", "password": WRONG});
    let problem = client.send_json(Method::POST, "/auth/login", &wrong).await.problem(401);
    assert_eq!(problem["type"], "about:blank");
    assert_eq!((client.cookies(), app.active_session_ids().len()), (Vec::new(), 0));
    client.get("/auth/me").await.problem(401);

    let last = smtp.mail_to("ada@example.org", "Confirm your address", 3).await;
    assert_ne!(first.link(), last.link());
    client.post("/email/confirm", &[("token", &*any_token_of(&last.link()))]).await.to("/login");
    let sent = json!({"email": "ada@example.org", "password": PASSWORD});
    client.send_json(Method::POST, "/auth/login", &sent).await.expect(200);
    let verified = client.get("/auth/verify").await.expect(200);
    assert_eq!(verified.header("remote-email"), Some("ada@example.org"));
});
