//! Tests that front ends at other origins can read why a call was refused, whatever refused it, and nothing but calls.

use actix_web::{HttpResponse, web};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use super::front_ends::{ALLOWED, FRONT_END, PREFLIGHT, builder};
use crate::support::{outage, throttling::WRONG, *};

/// Asserts that a front end can read a refusal, and when to try again.
#[track_caller]
fn assert_readable(answer: &Answer, status: u16) {
    answer.problem(status);
    assert_eq!(answer.header(ALLOWED), Some(FRONT_END), "{}", answer.summary());
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{}", answer.summary());
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
    assert_eq!(exposed, "retry-after", "{}", answer.summary());
    let varies = answer.header("vary").unwrap_or_default().to_lowercase();
    assert!(varies.contains("origin"), "{}", answer.summary());
}

/// A call of the front end.
fn call<'a>(client: &'a Client, method: Method, path: &str) -> Request<'a> {
    client.call(method, path).header("origin", FRONT_END).header("sec-fetch-site", "same-site")
}

async fn panics() -> HttpResponse {
    panic!("on purpose")
}

on_both_stacks!(front_end_can_read_every_refusal, |stack| async {
    let app = builder(stack).var("THROTTLE", "on");
    let app = app
        .routes(|app| {
            app.route("/test/panic", web::get().to(panics));
        })
        .start()
        .await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let visitor = app.client();
    let login = || call(&visitor, Method::POST, "/auth/login");
    let large = vec![b' '; 64 * 1024 + 1];
    let header = "a".repeat(33_000);
    for (request, status) in [
        (login().body("application/json", "{"), 400),
        (call(&client, Method::GET, "/auth/me").header("authorization", "Bearer x"), 400),
        (call(&visitor, Method::GET, "/auth/me"), 401),
        (call(&client, Method::GET, "/auth/verify?role=admin"), 403),
        (call(&visitor, Method::GET, "/auth/none"), 404),
        (call(&visitor, Method::GET, "/auth/login"), 405),
        (login().body("application/json", large), 413),
        (login().body("text/plain", "{}"), 415),
        (login().header("host", "other.example"), 421),
        (login().body("application/json", "{}"), 422),
        (login().header("x-large", &header), 431),
        (call(&visitor, Method::GET, "/auth/test/panic"), 500),
    ] {
        assert_readable(&request.send().await, status);
    }
    let old = client.copy();
    call(&client, Method::POST, "/auth/rotate-session").send().await.expect(200);
    assert_readable(&call(&old, Method::GET, "/auth/me").send().await, 503);
    let wrong = json!({"email": ada.email, "password": WRONG});
    let mut answer = login().json(&wrong).send().await;
    for _ in 0..20 {
        if answer.status == 401 {
            answer = login().json(&wrong).send().await;
        }
    }
    assert_readable(&answer, 429);
    // Whoever may not call is told nothing by a refusal either.
    let elsewhere = login().cross_site("https://evil.example").body("text/plain", "{}").send().await;
    assert_eq!((elsewhere.status, elsewhere.header(ALLOWED)), (403, None));
    let elsewhere = call(&visitor, Method::GET, "/auth/test/panic").cross_site("https://evil.example");
    assert_eq!(elsewhere.send().await.header(ALLOWED), None);
});

#[actix_web::test]
async fn front_end_can_read_that_a_store_is_away() {
    for part in [outage::Part::SessionStore, outage::Part::Database] {
        let app = outage::builder().through_proxies().var("BASE_URL", "https://login.example.org");
        let app = app.var("FRONTEND_URL", FRONT_END).start().await;
        let (_, client) = app.person("Ada Lovelace").await;
        let proxy = match part {
            outage::Part::SessionStore => app.redis_proxy(),
            outage::Part::Database => app.postgres_proxy(),
        };
        proxy.set(ProxyMode::Refuse);
        for path in ["/auth/me", "/auth/session", "/auth/verify"] {
            let answer = call(&client, Method::GET, path).send().await;
            assert_readable(&answer, 503);
            assert!(answer.header("retry-after").is_some(), "{}", answer.summary());
        }
    }
}

on_both_stacks!(front_end_reads_calls_alone, |stack| async {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("auth")).unwrap();
    std::fs::write(folder.path().join("auth/me"), "of the operator").unwrap();
    let app = builder(stack).var("PAGES_DIR", folder.path().display()).var("PAGES_HOST", "pages.example.org");
    let app = app.start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    for (host, path) in [
        ("login.example.org", "/profile"),
        ("login.example.org", "/auth/docs"),
        ("login.example.org", "/static/app.css"),
        ("login.example.org", "/nothing"),
        ("pages.example.org", "/auth/me"),
        ("pages.example.org", "/"),
    ] {
        let request = client.request(Method::GET, path).header("host", host).header("origin", FRONT_END);
        assert_eq!(request.send().await.header(ALLOWED), None, "{host}{path}");
        let ask = client.request(Method::OPTIONS, path).header("host", host).header("origin", FRONT_END);
        let answer = ask.header(PREFLIGHT, "GET").send().await;
        assert!((400..500).contains(&answer.status), "{}", answer.summary());
        assert_eq!(answer.header(ALLOWED), None, "{host}{path}");
    }
});
