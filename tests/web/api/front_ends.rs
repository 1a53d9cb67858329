//! Tests front ends at other origins (`FRONTEND_URL`): which may call, and what they are told when their cookie can't come.

use reqwest::Method;
use serde_json::json;

use crate::support::*;

pub const FRONT_END: &str = "https://app.example.org";
pub const PREFLIGHT: &str = "access-control-request-method";
pub const ALLOWED: &str = "access-control-allow-origin";

pub fn builder(stack: Stack) -> Builder {
    let frontends = format!("{FRONT_END}, http://localhost:5173");
    TestApp::builder(stack).var("BASE_URL", "https://login.example.org").var("FRONTEND_URL", frontends)
}

on_both_stacks!(front_end_calls_with_cookie, |stack| async {
    let app = builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let login = client.call(Method::POST, "/auth/login").json(&ada.credentials());
    let login =
        login.header("origin", FRONT_END).header("sec-fetch-site", "same-site").send().await.expect(200);
    assert_eq!(login.header(ALLOWED), Some(FRONT_END));
    assert_eq!(login.header("access-control-allow-credentials"), Some("true"));
    assert!(login.header("vary").unwrap().to_lowercase().contains("origin"));
    assert!(login.set_cookies().iter().any(|cookie| cookie.is("httponly")));
    let me = client.call(Method::GET, "/auth/me").header("origin", FRONT_END).send().await.expect(200);
    assert_eq!(me.header(ALLOWED), Some(FRONT_END));
    // Errors can be read too.
    let wrong = client.call(Method::PUT, "/auth/profile").json(&json!({"role": "admin"}));
    let wrong = wrong.header("origin", FRONT_END).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(wrong.header(ALLOWED), Some(FRONT_END));
    wrong.refused_fields(&["name", "role"]);
    // Pages are for people.
    let page = client.request(Method::POST, "/logout").header("origin", FRONT_END);
    let page = page.header("sec-fetch-site", "same-site").send().await.expect(403);
    assert_eq!(page.header(ALLOWED), None);
    let page = client.request(Method::GET, "/profile").header("origin", FRONT_END).send().await.expect(200);
    assert_eq!(page.header(ALLOWED), None);
});

on_both_stacks!(front_end_preflight_is_cached, |stack| async {
    let app = builder(stack).start().await;
    let client = app.client();
    let ask = |origin: &str, method: &str, headers: &str| {
        let request = client.request(Method::OPTIONS, "/auth/login").header("origin", origin);
        request.header(PREFLIGHT, method).header("access-control-request-headers", headers).send()
    };
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let answer = ask(FRONT_END, method, "content-type,authorization").await;
        assert_eq!(answer.status, 200, "{}", answer.summary());
        assert_eq!(answer.header(ALLOWED), Some(FRONT_END));
        assert!(answer.header("access-control-allow-methods").unwrap().contains(method));
        let headers = answer.header("access-control-allow-headers").unwrap().to_lowercase();
        assert!(headers.contains("content-type") && headers.contains("authorization"), "{headers}");
        let age: u32 = answer.header("access-control-max-age").unwrap().parse().unwrap();
        assert!(age >= 600, "{age}");
    }
    for (origin, method, headers) in [
        ("https://evil.example", "POST", "content-type"),
        ("https://app.example.org.evil.example", "POST", "content-type"),
        ("http://app.example.org", "POST", "content-type"),
        ("null", "POST", "content-type"),
        (FRONT_END, "PATCH", "content-type"),
        (FRONT_END, "POST", "x-other"),
    ] {
        let answer = ask(origin, method, headers).await;
        assert!(answer.header(ALLOWED).is_none_or(|allowed| allowed == FRONT_END && origin == FRONT_END));
        assert_eq!(answer.status, 400, "{}", answer.summary());
    }
});

on_both_stacks!(front_end_elsewhere_is_refused, |stack| async {
    let app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let before = app.written();
    for origin in [
        "https://evil.example",
        "null",
        "http://app.example.org",
        "https://app.example.org:8443",
        "HTTPS://APP.EXAMPLE.ORG",
    ] {
        let request = client.call(Method::POST, "/auth/login").json(&ada.credentials()).cross_site(origin);
        let answer = request.send().await;
        assert_eq!(answer.header(ALLOWED), None, "{origin}");
        answer.problem(403);
        let read = client.call(Method::GET, "/auth/me").header("origin", origin).send().await;
        assert_eq!(read.header(ALLOWED), None, "{origin}");
    }
    assert_eq!(app.written(), before);
    // Without front ends nothing is said to any origin.
    let app = TestApp::start(stack).await;
    let answer = app.client().request(Method::GET, "/auth/session").header("origin", FRONT_END).send().await;
    assert_eq!(answer.expect(200).header(ALLOWED), None);
    let ask = app.client();
    let ask =
        ask.request(Method::OPTIONS, "/auth/login").header("origin", FRONT_END).header(PREFLIGHT, "POST");
    ask.send().await.problem(405);
});

on_both_stacks!(front_end_is_told_why_no_cookie_came, |stack| async {
    let app = builder(stack).start().await;
    let ask = async |client: &Client, origin: &str| {
        let request = client.call(Method::GET, "/auth/session").header("origin", origin);
        request.header("sec-fetch-site", "cross-site").send().await.expect(200).json()
    };
    let hint = ask(&app.client(), "http://localhost:5173").await["hint"].clone();
    let hint = hint.as_str().unwrap();
    assert!(hint.contains("COOKIE_SAMESITE=none") && hint.contains("http://localhost:5173"), "{hint}");
    // Of the same domain the cookie would have come; another origin is told nothing.
    for origin in [FRONT_END, "https://evil.example"] {
        assert_eq!(ask(&app.client(), origin).await, json!({"authenticated": false}), "{origin}");
    }
    let (_, client) = app.person("Ada Lovelace").await;
    assert_eq!(ask(&client, "http://localhost:5173").await.get("hint"), None);
    client.set_cookie("__Host-gatehouse", "x");
    assert_eq!(ask(&client, "http://localhost:5173").await, json!({"authenticated": false}));

    let none = builder(stack).var("COOKIE_SAMESITE", "none").start().await;
    let hint = ask(&none.client(), "http://localhost:5173").await["hint"].clone();
    assert!(hint.as_str().unwrap().contains("third-party cookies"), "{hint}");
});
