//! Tests what no front end means to send: each refusal is problem details with the field, never a page and never a 5xx.

use reqwest::Method;

use crate::support::{routes::call_routes, *};

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// The paths that take a body, by method.
pub fn writes() -> Vec<(Method, String)> {
    let calls = call_routes().into_iter().filter(|route| route.method != "GET");
    calls.map(|route| (route.method.as_str().parse().unwrap(), routes::example(&route))).collect()
}

pub async fn send(client: &Client, call: &(Method, String), kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    client.call(call.0.clone(), &call.1).body(kind, body).send().await
}

on_both_stacks!(call_with_broken_body_400, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = app.written();
    let (array, object) = ("[".repeat(60_000), "{\"a\":".repeat(10_000));
    for call in writes() {
        for body in [
            "",
            "{",
            "}",
            "nonsense",
            "[]",
            "null",
            "1",
            "\"text\"",
            "{\"name\":}",
            "{\"name\":\"a\",}",
            "{name:1}",
            "{'name':1}",
            "{}{}",
            "\u{feff}{}",
            "{\"\\ud800\":1}",
            &array,
            &object,
            "NaN",
            "name=a",
        ] {
            send(&client, &call, JSON, body).await.problem(400);
        }
        for body in [&b"{\"name\":\"\xff\"}"[..], b"\xff\xfe{\0}\0", b"{\"\xc0\xaf\":1}"] {
            send(&client, &call, JSON, body).await.problem(400);
        }
        for body in [&b"%ff=a"[..], b"name=\xff"] {
            send(&client, &call, FORM, body).await.problem(400);
        }
    }
    assert_eq!(app.written(), before);
    client.get("/auth/me").await.expect(200);
});

on_both_stacks!(call_with_unusable_fields_422_names_them, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = app.written();
    let deep =
        format!("{{\"email\":\"a@example.org\",\"password\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    for (body, fields) in [
        ("{}", &["email", "password"][..]),
        (r#"{"email":"a@example.org","password":1}"#, &["password"]),
        (r#"{"email":"a@example.org","password":null}"#, &["password"]),
        (r#"{"email":["a@example.org"],"password":{"$ne":""}}"#, &["email", "password"]),
        (r#"{"email":true,"password":"a"}"#, &["email"]),
        (r#"{"email":"a@example.org","password":"a\ud800b"}"#, &["password"]),
        (r#"{"email":"a@example.org","password":"a\udc00\ud800"}"#, &["password"]),
        (r#"{"email":"a@example.org","password":"a\u0000b"}"#, &["password"]),
        (r#"{"email":"a@example.org","password":"a","password":"a"}"#, &["password"]),
        (r#"{"email":"a@example.org","password":"a","remember":"yes"}"#, &["remember"]),
        (r#"{"email":"a@example.org","password":"a","remember":1,"token":null}"#, &["remember", "token"]),
        (r#"{"email":"a@example.org","password":"a","Email":"b","next":"/"}"#, &["Email", "next"]),
        (r#"{"email":"a@example.org","password":"a","__proto__":{"role":"admin"}}"#, &["__proto__"]),
        (r#"{"email":"a@example.org","password":"a","":1}"#, &[""]),
        (deep.as_str(), &["password"]),
    ] {
        send(&client, &(Method::POST, "/auth/login".to_owned()), JSON, body).await.refused_fields(fields);
    }
    for (body, fields) in [
        ("", &["email", "password"][..]),
        ("email=a%40example.org&password=%ff", &["password"]),
        ("email=a%40example.org&password=a%00", &["password"]),
        ("email=a%40example.org&password=a&password=a", &["password"]),
        ("email=a%40example.org&password=a&remember=maybe", &["remember"]),
        ("email=a%40example.org&password=a&role=admin", &["role"]),
    ] {
        send(&client, &(Method::POST, "/auth/login".to_owned()), FORM, body).await.refused_fields(fields);
    }
    for call in writes() {
        send(&client, &call, JSON, r#"{"is_admin":true,"role":"admin"}"#).await.problem(422);
        send(&client, &call, FORM, "for_session=x").await.problem(422);
    }
    assert_eq!(app.written(), before);
    client.get("/auth/me").await.expect(200);
});

on_both_stacks!(call_unknown_fields_are_named_in_bounds, |stack| async {
    let app = TestApp::start(stack).await;
    let fields: Vec<String> = (0..5_000).map(|number| format!("\"f{number}\":1")).collect();
    let body = format!("{{{}}}", fields.join(","));
    let answer = send(&app.client(), &(Method::POST, "/auth/login".to_owned()), JSON, body).await;
    let problem = answer.problem(422);
    assert!(problem["errors"]["f0"].is_array() && answer.body.len() < 4_000, "{}", answer.body.len());
});

on_both_stacks!(call_with_other_media_type_415, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let before = app.written();
    let body = ada.credentials().to_string();
    for call in writes() {
        for kind in [
            "text/plain",
            "text/plain;charset=UTF-8",
            "",
            "json",
            "application/xml",
            "application/jsonp",
            "text/json",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/json; charset=latin1",
            "application/json, text/plain",
            "application/vnd.api+json",
        ] {
            send(&client, &call, kind, body.as_str()).await.problem(415);
        }
        let bare = client.call(call.0.clone(), &call.1).body(JSON, body.as_str()).without("content-type");
        bare.send().await.problem(415);
        send(&client, &call, JSON, vec![b' '; 64 * 1024 + 1]).await.problem(413);
    }
    assert_eq!(app.written(), before);
    for kind in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ] {
        send(&app.client(), &(Method::POST, "/auth/login".to_owned()), kind, body.as_str()).await.expect(200);
    }
    let padded = format!("{}{body}", " ".repeat(64 * 1024 - body.len()));
    send(&app.client(), &(Method::POST, "/auth/login".to_owned()), JSON, padded).await.expect(200);
});

on_both_stacks!(call_answers_json_whatever_is_accepted, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for accept in [
        "",
        "*/*",
        "text/html",
        "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "image/png",
        "application/json;q=0",
        "text/event-stream",
        "nonsense",
        ";;,",
        "application/json;version=\"",
    ] {
        let visitor = app.client();
        let get = async |client: &Client, path: &str| {
            client.request(Method::GET, path).header("accept", accept).send().await
        };
        let json = get(&client, "/auth/me").await.expect(200);
        assert_eq!(json.header("content-type"), Some("application/json"), "{accept}");
        get(&visitor, "/auth/me").await.problem(401);
        get(&visitor, "/auth/none").await.problem(404);
        get(&visitor, "/auth").await.problem(404);
        get(&visitor, "/auth/login").await.problem(405);
        get(&client, "/auth/logout").await.problem(405);
        let wrong = visitor.request(Method::POST, "/auth/login").header("accept", accept);
        wrong.form(&[("email", &ada.email), ("password", "wrong")]).send().await.problem(401);
        let empty = visitor.request(Method::POST, "/auth/login").header("accept", accept);
        empty.send().await.refused_fields(&["email", "password"]);
    }
    for method in ["PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let answer = client.request(method.parse().unwrap(), "/auth/me").send().await;
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        answer.problem(405);
    }
    client.get("/%61uth/me").await.expect(200);
    assert_eq!(app.raw(&app.client(), "GET", "/%61uth/me").await.status, 401);
    client.get("/auth/docs").await.expect(200).has("problem details");
});
