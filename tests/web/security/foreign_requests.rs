//! Tests form requests from other sites, with other media types or too large: they are refused and write nothing.

use gatehouse::security::api::is_json;
use reqwest::Method;

use crate::support::{routes::session_routes, *};

const FORM: &str = "application/x-www-form-urlencoded";

/// The path of everything that is posted, with an example for each parameter.
fn posts() -> Vec<String> {
    let posts = session_routes().into_iter().filter(|line| line.method == "POST");
    posts.map(|line| line.path.replace("{id}", "aaaaaaaaaaaaaaaaaaaaaa")).collect()
}

/// The path of every form. What this site's own script sends is JSON.
fn forms() -> Vec<String> {
    posts().into_iter().filter(|path| !is_json(path)).collect()
}

/// Fields that are valid for any of these forms.
fn valid_fields(app: &TestApp) -> Vec<(&'static str, String)> {
    let token = app.setup_link().map(|link| link.rsplit('=').next().unwrap().to_owned());
    vec![
        ("token", token.unwrap_or_default()),
        ("name", "Mallory".to_owned()),
        ("email", "mallory@example.org".to_owned()),
        ("password", PASSWORD.to_owned()),
        ("password_confirmation", PASSWORD.to_owned()),
        ("current_password", PASSWORD.to_owned()),
    ]
}

on_both_stacks!(cross_site_post_403_writes_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let fields = valid_fields(&app);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (_, admin) = app.admin("Grace Hopper").await;
    admin.get("/").await.expect(200);
    let before = (app.written(), admin.cookies());
    let own_origin = format!("http://{}", app.addr());
    let foreign: [&[(&'static str, &str)]; 9] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://sister.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", &own_origin)],
        &[("sec-fetch-site", "nonsense")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "http://127.0.0.1")],
        &[("origin", "https://localhost:3000")],
    ];
    for path in posts() {
        for headers in foreign {
            let request = admin.request(Method::POST, &path).without_origin().form(&fields);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            let page = request.send().await;
            assert_eq!(page.status, 403, "{headers:?}: {}", page.summary());
            if !is_json(&path) {
                assert_page(&page);
            }
            assert_eq!(page.set_cookies(), [], "{path}: {headers:?}");
        }
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request =
            admin.request(method, "/profile").without_origin().header("sec-fetch-site", "cross-site");
        request.send().await.expect(403);
    }
    assert_eq!((app.written(), admin.cookies()), before);
    let link = admin.request(Method::GET, "/profile").header("sec-fetch-site", "cross-site").send().await;
    link.expect(200);
});

on_both_stacks!(same_origin_post_accepted, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let own_origin = format!("http://{}", app.addr());
    let base_url = format!("http://localhost:{}", app.addr().port());
    let own: [&[(&'static str, &str)]; 5] = [
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[],
        &[("origin", &own_origin)],
        &[("origin", &base_url)],
    ];
    for headers in own {
        let request = client.request(Method::POST, "/profile").without_origin().form(&[("name", "Ada")]);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.to("/profile");
    }
});

on_both_stacks!(same_origin_post_by_script_403_writes_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let fields = valid_fields(&app);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (_, admin) = app.admin("Grace Hopper").await;
    admin.get("/").await.expect(200);
    let before = (app.written(), admin.cookies());
    for path in forms() {
        for mode in ["cors", "no-cors", "same-origin"] {
            let request = admin.request(Method::POST, &path).header("sec-fetch-mode", mode).form(&fields);
            assert_page(&request.send().await.expect(403));
        }
    }
    assert_eq!((app.written(), admin.cookies()), before);
    let request = admin.request(Method::POST, "/profile").header("sec-fetch-mode", "navigate");
    request.form(&[("name", "Grace")]).send().await.to("/profile");
});

on_both_stacks!(calls_of_own_script_take_json_alone, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.admin("Grace Hopper").await;
    let calls: Vec<_> = posts().into_iter().filter(|path| is_json(path)).collect();
    assert_eq!(calls.len(), 7, "{calls:?}");
    for path in calls {
        for kind in ["text/plain", "multipart/form-data; boundary=x", "text/html"] {
            client.post_raw(&path, kind, "{}").await.problem(415);
        }
    }
});

on_both_stacks!(post_wrong_content_type_415_too_large_413, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.admin("Grace Hopper").await;
    client.get("/").await.expect(200);
    let before = app.written();
    for path in forms() {
        for kind in [
            "text/plain",
            "application/json",
            "multipart/form-data; boundary=x",
            "text/html",
            "application/xml",
            "",
        ] {
            let page = client
                .post_raw(&path, kind, "name=Mallory&current_password=violet-anchor-93-maple")
                .await
                .expect(415);
            assert_page(&page);
        }
        let bare = client
            .request(Method::POST, &path)
            .body(FORM, "name=Mallory")
            .without("content-type")
            .send()
            .await;
        bare.expect(415);
        let page = client.post_raw(&path, FORM, vec![b'x'; 64 * 1024 + 1]).await.expect(413);
        assert_page(&page);
        let json = client.post_json(&path, &serde_json::json!({"name": "Mallory"})).await.expect(415);
        assert_eq!(json.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(app.written(), before);
    // The maximum size is accepted, and so is a parameter of the media type.
    let fields = format!("name={}", "x".repeat(64 * 1024 - 5));
    client.post_raw("/profile", &format!("{FORM}; charset=utf-8"), fields).await.expect(422);
});

on_both_stacks!(post_chunked_too_large_413, |stack| async {
    let app = TestApp::start(stack).await;
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n",
        app.addr()
    );
    let chunk = [b"4000\r\n".to_vec(), vec![b'x'; 0x4000], b"\r\n".to_vec()].concat();
    let request = [head.into_bytes(), chunk.repeat(6), b"0\r\n\r\n".to_vec()].concat();
    let answer = app.raw_bytes(&request).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
});
