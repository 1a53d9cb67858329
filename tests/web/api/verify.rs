//! Tests `/auth/verify`, which proxies ask about requests to sites behind this login.

use reqwest::Method;

use crate::support::{outage, *};

const GET: Method = Method::GET;

/// Gatehouse at https://login.example.org, behind a proxy that is trusted.
async fn start(stack: Stack) -> TestApp {
    builder(stack).var("TRUSTED_PROXIES", "127.0.0.1").start().await
}

fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack).var("BASE_URL", "https://login.example.org").var("COOKIE_DOMAIN", "example.org")
}

/// Asks as a proxy does about a page of `app.example.org`.
fn ask<'a>(client: &'a Client, query: &str, uri: &str) -> Request<'a> {
    client
        .request(GET, &format!("/auth/verify{query}"))
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "app.example.org")
        .header("x-forwarded-uri", uri)
}

on_both_stacks!(verify_says_who_may_pass, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    app.client().get("/auth/verify").await.problem(401);
    let answer = client.get("/auth/verify").await.expect(200);
    assert_eq!((answer.body.as_str(), answer.header("cache-control")), ("", Some("no-store")));
    let id = app.user_id(&ada);
    for (name, value) in [
        ("remote-user", Some(id.as_str())),
        ("remote-name", Some("Ada Lovelace")),
        ("remote-groups", Some("user")),
        ("remote-session", Some(app.session_of(&ada).as_str())),
        ("remote-email", None),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    app.confirm_email(&ada);
    assert_eq!(client.get("/auth/verify").await.header("remote-email"), Some(ada.email.as_str()));

    client.get("/auth/verify?role=user").await.expect(200);
    let refused = client.get("/auth/verify?role=admin").await;
    assert_eq!((refused.header("remote-user"), refused.header("remote-session")), (None, None));
    refused.problem(403);
    let answer = admin.get("/auth/verify?role=admin").await.expect(200);
    assert_eq!(answer.header("remote-groups"), Some("admin"));
    app.client().get("/auth/verify?role=admin").await.problem(401);
    for query in ["role=root", "role=Admin", "redirect=yes"] {
        admin.get(&format!("/auth/verify?{query}")).await.problem(422);
    }
    let token = grace.take_token(&app).await;
    app.client().with_token(GET, "/auth/verify?role=admin", &token).send().await.expect(200);
    admin.post("/logout", &[]).await.to("/");
    admin.get("/auth/verify").await.problem(401);
});

on_both_stacks!(verify_names_that_break_headers_are_encoded, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for (name, header) in
        [("Zoë 😀", "Zo%C3%AB %F0%9F%98%80"), ("100%", "100%25"), ("a: b; \"c\"", "a: b; \"c\"")]
    {
        app.rename_user(&ada, name);
        let answer = client.get("/auth/verify").await.expect(200);
        assert_eq!(answer.header("remote-name"), Some(header));
        assert_eq!(answer.headers.get_all("remote-groups").iter().count(), 1);
    }
});

on_both_stacks!(verify_leads_pages_to_sign_in_and_back, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let visitor = app.client();
    let login = "https://login.example.org/login?next=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3D1%26c";
    let page = ask(&visitor, "?redirect=1", "/a?b=1&c").send().await.expect(302);
    assert_eq!(page.location(), Some(login));
    // nginx takes no redirect, so 401 says the same.
    let page = ask(&visitor, "", "/a?b=1&c").send().await;
    assert_eq!(page.location(), Some(login));
    page.problem(401);
    for (name, value) in [
        ("accept", "*/*"),
        ("accept", "image/avif,image/webp"),
        ("sec-fetch-mode", "cors"),
        ("x-forwarded-method", "POST"),
    ] {
        let part = ask(&visitor, "?redirect=1", "/a").header(name, value).send().await;
        assert_eq!(part.location(), None, "{name}: {value}");
        part.problem(401);
    }
    let page = visitor.get(login).await.expect(200);
    let form = page.form("/login");
    let sent = visitor.post("/login", &form.with(&[("email", &ada.email), ("password", PASSWORD)])).await;
    assert_eq!((sent.status, sent.location()), (303, Some("https://app.example.org/a?b=1&c")));
    let again = visitor.get(login).await;
    assert_eq!((again.status, again.location()), (303, Some("https://app.example.org/a?b=1&c")));
    let policy = again.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://example.org https://*.example.org;"), "{policy}");
});

on_both_stacks!(verify_leads_to_allowed_hosts_only, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let visitor = app.client();
    let plain = Some("https://login.example.org/login");
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-host", "app.example.org, evil.example"),
        ("x-forwarded-host", "app.example.org@evil.example"),
        ("x-forwarded-host", "app.example.org:8443"),
        ("x-forwarded-host", "evilexample.org"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-proto", "javascript"),
        ("x-forwarded-uri", "@evil.example/"),
        ("x-forwarded-uri", ""),
    ] {
        let page = ask(&visitor, "?redirect=1", "/a").header(name, value).send().await.expect(302);
        assert_eq!(page.location(), plain, "{name}: {value}");
    }
    for next in [
        "https://evil.example/",
        "http://app.example.org/",
        "https://app.example.org:8443/",
        "https://app.example.org\\@evil.example/",
        "https://ada@app.example.org/",
        "//app.example.org/",
        "javascript:alert(1)//app.example.org",
        "https://login.example.org/logout",
    ] {
        let fields = [("email", ada.email.as_str()), ("password", PASSWORD), ("next", next)];
        app.client().post("/login", &fields).await.to("/profile");
    }
    let fields = [
        ("email", ada.email.as_str()),
        ("password", PASSWORD),
        ("next", "https://login.example.org/sessions?x"),
    ];
    app.client().post("/login", &fields).await.to("/sessions?x");

    let untrusting = builder(stack).start().await;
    let page = ask(&untrusting.client(), "?redirect=1", "/a").send().await.expect(302);
    assert_eq!(page.location(), plain);
});

on_both_stacks!(verify_gate_hosts_may_be_led_to, |stack| async {
    let app = TestApp::builder(stack)
        .var("BASE_URL", "http://localhost:3000")
        .var("TRUSTED_PROXIES", "127.0.0.1")
        .var("GATE_HOSTS", "localhost:8080")
        .start()
        .await;
    let asked = |host: &'static str| {
        let client = app.client();
        async move {
            let request = ask(&client, "?redirect=1", "/x").header("x-forwarded-proto", "http");
            let page = request.header("x-forwarded-host", host).send().await.expect(302);
            page.location().unwrap().to_owned()
        }
    };
    let login = "http://localhost:3000/login";
    assert_eq!(asked("localhost:8080").await, format!("{login}?next=http%3A%2F%2Flocalhost%3A8080%2Fx"));
    assert_eq!(asked("localhost:8081").await, login);
    assert_eq!(asked("localhost").await, login);
});

on_both_stacks!(verify_is_asked_with_any_host, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    let request = |path: &str| client.request(GET, path).header("host", "app.example.org").send();
    request("/auth/verify").await.problem(401);
    request("/auth/me").await.expect(421);
    request("/auth/verify/x").await.expect(421);
});

on_both_stacks!(verify_counts_as_use_but_in_background, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    let old = "2026-01-01 00:00:00";
    app.set_session_time(&id, SessionTime::LastSeen, old);
    for _ in 0..3 {
        client.request(GET, "/auth/verify").header("x-background", "1").send().await.expect(200);
    }
    client.request(GET, "/healthz").send().await.expect(200);
    assert!(!app.was_seen_again(&id));
    client.get("/auth/verify").await.expect(200);
    eventually(|| async { app.was_seen_again(&id) }).await;
});

on_both_stacks!(verify_renews_cookie_of_remembered_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    ada.sign_in_remembered(&client).await;
    let answer = client.get("/auth/verify").await.expect(200);
    assert!(new_cookie(&answer).is_some_and(|cookie| cookie.max_age().is_some()));
});

on_both_stacks!(verify_replaced_key_goes_to_sign_in, |stack| async {
    let app = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = client.copy();
    client.call(Method::POST, "/auth/rotate-session").send().await.expect(200);
    ask(&old, "", "/a").send().await.problem(401);
    let page = ask(&old, "?redirect=1", "/a").send().await.expect(302);
    // There the browser has its new key, and is led back.
    let back = client.get(page.location().unwrap()).await;
    assert_eq!((back.status, back.location()), (303, Some("https://app.example.org/a")));
});

#[actix_web::test]
async fn verify_503_without_store() {
    let app = outage::builder().through_proxies().start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    client.get("/auth/verify").await.expect(200);
    app.redis_proxy().set(ProxyMode::Blackhole);
    let answer = client.get("/auth/verify?redirect=1").await;
    assert_eq!((answer.header("remote-user"), answer.location()), (None, None));
    answer.problem(503);
    app.redis_proxy().set(ProxyMode::Pass);
    eventually(|| async { client.get("/auth/verify").await.status == 200 }).await;
}
