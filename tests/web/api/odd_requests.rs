//! Tests calls whose fields are there twice, whose bodies have no length, and whose paths and queries are odd.

use reqwest::Method;

use super::bad_input::{FORM, JSON, send, writes};
use crate::support::{raw, *};

on_both_stacks!(call_with_doubled_keys_422, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let login = (Method::POST, "/auth/login".to_owned());
    for (body, field) in [
        (r#"{"email":"E","password":"P","email":"E"}"#, "email"),
        (r#"{"email":"E","password":"P","em\u0061il":"eve@example.org"}"#, "email"),
        (r#"{"email":"E","password":"P","remember":false,"remember":true}"#, "remember"),
        (r#"{"email":"E","password":"x","password":"P"}"#, "password"),
        (r#"{"email":"E","password":"P","password":null}"#, "password"),
    ] {
        let body = body.replace('E', &ada.email).replace('P', &ada.password);
        send(&app.client(), &login, JSON, body).await.refused_fields(&[field]);
    }
    let name = (Method::PUT, "/auth/profile".to_owned());
    send(&client, &name, JSON, r#"{"name":"Ada","name":"Eve"}"#).await.refused_fields(&["name"]);
    send(&client, &name, FORM, "name=Ada&n%61me=Eve").await.refused_fields(&["name"]);
    client.get("/profile").await.expect(200).has(&ada.name);
});

on_both_stacks!(call_with_body_of_unknown_length_413, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = app.written();
    for (method, path) in writes() {
        let cookies: Vec<_> =
            client.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Type: {JSON}\r\nConnection: close\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
            app.addr(),
            cookies.join("; ")
        );
        let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
        let answer =
            raw::raw_bytes(app.addr(), format!("{head}{chunk}{chunk}{chunk}0\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.status, 413, "{method} {path}: {}", answer.text);
        assert!(answer.text.contains("application/problem+json"), "{method} {path}: {}", answer.text);
    }
    assert_eq!(app.written(), before);
});

on_both_stacks!(call_with_odd_query_or_path_is_a_problem, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = app.written();
    for (query, status) in [
        // A rule that was misspelt or given twice lets nobody pass.
        ("role=admin&role=user", 422),
        ("role=user&role=admin", 422),
        ("roles=admin", 422),
        ("Role=admin", 422),
        ("role=user&redirect=0&", 200),
        ("role=Admin", 422),
        ("role=%00", 422),
        ("role=%ff", 422),
        ("redirect=true", 422),
        ("redirect=1&redirect=0", 422),
    ] {
        let answer = client.get(&format!("/auth/verify?{query}")).await;
        if status == 200 {
            answer.expect(200);
        } else {
            answer.problem(status);
        }
    }
    for (query, status) in
        [("after=x&after=y", 422), ("after=%ff", 422), ("after=%00", 422), ("after=%F0%9F%98%80", 422)]
    {
        client.get(&format!("/auth/sessions?{query}")).await.problem(status);
    }
    for id in ["x", "%00", "%ff", "..%2f..", "%F0%9F%98%80", &"a".repeat(4_000)] {
        let answer = client.call(Method::DELETE, &format!("/auth/sessions/{id}")).send().await;
        assert!(matches!(answer.status, 400 | 404), "{id}: {}", answer.summary());
        answer.problem(answer.status);
    }
    // What no call takes changes nothing.
    for path in ["/auth/me?%ff", "/auth/me?role=", "/auth/session?after=1", "/auth/openapi.json?x=%"] {
        let answer = client.get(path).await;
        assert!(answer.status < 500 && !answer.is_html(), "{}", answer.summary());
    }
    assert_eq!(app.written(), before);
});
