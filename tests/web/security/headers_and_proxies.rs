//! Tests security headers, forwarded client addresses and the escaping of markup.

use reqwest::Method;

use crate::support::*;

/// Asserts the headers of a response; only the file `asset` may be kept by a browser.
fn assert_security_headers(answer: &Answer, asset: &str) {
    assert_page(answer);
    let policy = answer.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{}: {policy}", answer.summary());
    }
    assert_eq!(answer.header("strict-transport-security"), None, "the site is not https");
    for banner in ["server", "x-powered-by", "via"] {
        assert_eq!(answer.header(banner), None);
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let is_asset = answer.request.ends_with(asset) && answer.status == 200;
    let caching = answer.header("cache-control").unwrap_or_default();
    let expected = if is_asset { caching.contains("max-age") } else { caching.contains("no-store") };
    assert!(expected, "{}: {caching}", answer.summary());
}

on_both_stacks!(security_headers_on_every_response, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let asset = client.get("/").await.attributes("link[rel=stylesheet]", "href").remove(0);
    let mut answers = Vec::new();
    for path in [
        "/",
        "/login",
        "/profile",
        "/none",
        "/admin/sessions",
        "/pages/",
        "/healthz",
        "/readyz",
        asset.as_str(),
    ] {
        for client in [&client, &app.client()] {
            answers.push(client.get(path).await);
            answers.push(client.request(Method::POST, path).form(&[]).send().await);
            answers.push(client.request(Method::GET, path).header("accept", "application/json").send().await);
        }
    }
    answers.push(client.post("/logout", &[]).await);
    answers.push(client.post_raw("/login", "text/plain", "x").await);
    answers.push(client.post_raw("/login", "application/x-www-form-urlencoded", "%ff").await);
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 303, 400, 401, 403, 404, 405, 415, 422]);
    for answer in &answers {
        assert_security_headers(answer, &asset);
    }
});

on_both_stacks!(client_ip_forwarded_by_trusted_proxy_only, |stack| async {
    let app = TestApp::builder(stack).var("TRUSTED_PROXIES", "127.0.9.0/24").start().await;
    let proxy = |last: u8| app.client().bound_to([127, 0, 9, last]);
    for (name, client, forwarded, expected) in [
        ("a", app.client(), "192.0.2.1", "127.0.0.1"),
        ("b", proxy(1), "192.0.2.1", "192.0.2.1"),
        ("c", proxy(1), "203.0.113.9, 192.0.2.2", "192.0.2.2"),
        ("d", proxy(1), "203.0.113.9, 192.0.2.3, 127.0.9.5", "192.0.2.3"),
        ("e", proxy(1), "nonsense, <b>", "127.0.9.1"),
        ("f", proxy(1), "2001:db8::7", "2001:db8::7"),
        ("g", proxy(1), "203.0.113.9:51008", "203.0.113.9"),
        ("h", proxy(1), "192.0.2.1, [2001:db8::9]:4711", "2001:db8::9"),
        ("i", proxy(1), "192.0.2.1, [2001:db8::9], 127.0.9.5:80,", "2001:db8::9"),
        ("j", proxy(1), "\"[2001:db8::9]:4711\"", "2001:db8::9"),
    ] {
        let email = format!("{name}@example.org");
        let fields =
            [("name", "Ada"), ("email", &email), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
        let request = client.request(Method::POST, "/register").form(&fields);
        let request = request.header("x-forwarded-for", forwarded).header("x-forwarded-host", "evil.example");
        request
            .header("x-forwarded-proto", "https")
            .header("forwarded", "for=192.0.2.9")
            .send()
            .await
            .to("/profile");
        assert_eq!(app.session_ip_of(&email), expected, "{forwarded}");
    }
});

on_both_stacks!(markup_escaped_on_every_page, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let markup = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&amp;";
    let mallory =
        Person { name: markup.to_owned(), email: "mallory@example.org".to_owned(), ..Person::new("m") };
    let client = app.client().user_agent(&format!("Mozilla/5.0 {markup}"));
    mallory.register(&client).await;
    let id = app.session_of(&mallory);
    let of_session = format!("/admin/sessions/{id}");
    let mut pages = Vec::new();
    for path in ["/", "/profile", "/sessions"] {
        pages.push(client.get(path).await.expect(200));
    }
    for path in ["/admin/sessions", &of_session] {
        pages.push(admin.get(path).await.expect(200));
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", markup).finish();
    pages.push(admin.get(&format!("/admin/sessions?{query}")).await.expect(200));
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", markup).finish();
    pages.push(app.client().get(&format!("/login?{query}")).await.expect(200));
    pages.push(app.client().post("/login", &[("email", markup), ("password", "x")]).await.expect(422));
    pages.push(app.client().get(&format!("/{}", query)).await.expect(404));
    admin.post(&format!("{of_session}/end"), &[("reason", markup)]).await.to("/admin/sessions");
    let ended = admin.get(&of_session).await.expect(200);
    assert!(ended.has(markup).text().matches(markup).count() >= 3, "name, user agent and reason");
    pages.push(admin.get(&of_session).await);
    for page in pages {
        assert_page(&page);
        assert_eq!(page.texts("script").concat(), "", "{}", page.summary());
        assert_eq!(page.texts("script:not([src]), img"), Vec::<String>::new(), "{}", page.summary());
    }
});

on_both_stacks!(http_1_0_gets_no_chunks, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let cookie = admin.cookie(COOKIE).unwrap().value;
    for connection in ["close", "keep-alive"] {
        let request = format!(
            "GET /admin/events.csv HTTP/1.0\r\nCookie: {COOKIE}={cookie}\r\nConnection: {connection}\r\n\r\n"
        );
        let answer = app.raw_bytes(request.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let (head, body) = answer.text.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
        assert!(body.starts_with("at,") || body.lines().next().unwrap().contains(','), "{body}");
        assert!(body.contains(&grace.email), "{body}");
    }
});
