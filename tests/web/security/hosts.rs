//! Tests the host that requests are for, and the origins that forms may come from.

use reqwest::Method;

use crate::support::{
    calls::{is_call, is_of_own_script},
    raw::raw_bytes,
    routes::{all_routes, example},
    *,
};

/// The answer to a request with these lines for its host, and what it says.
async fn answer_to(app: &TestApp, request_line: &str, hosts: &str) -> (u16, String) {
    let request = format!("{request_line}\r\n{hosts}Connection: close\r\n\r\n");
    let answer = app.raw_bytes(request.as_bytes()).await;
    (answer.status, answer.text)
}

async fn status_at(app: &TestApp, path: &str, host: &str) -> u16 {
    answer_to(app, &format!("GET {path} HTTP/1.1"), &format!("Host: {host}\r\n")).await.0
}

on_both_stacks!(foreign_host_421_on_every_route, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    admin.get("/").await.expect(200);
    let before = (app.written(), admin.cookies());
    let port = app.addr().port();
    let evil = format!("evil.example:{port}");
    for line in all_routes() {
        // Proxies ask about requests to other hosts, and services by any name of the machine.
        if line.path.starts_with("/static/") || line.path.starts_with("/auth/verify") {
            continue;
        }
        let request =
            admin.request(line.method.as_str().parse().unwrap(), &example(&line)).header("host", &evil);
        let page = request.without_origin().send().await.expect(421);
        assert_page(&page);
        assert_eq!(page.set_cookies(), [], "{}", page.summary());
        if is_call(line.path) || is_of_own_script(line.path) {
            page.problem(421);
            continue;
        }
        let own = format!("http://localhost:{port}");
        assert_eq!(page.attributes("a.primary", "href"), [own], "the page leads to the site's own address");
    }
    assert_eq!((app.written(), admin.cookies()), before);
    assert_eq!(status_at(&app, "/static/app.css", &evil).await, 200, "the refusing page has its looks");
    let forwarded =
        admin.request(Method::GET, "/profile").header("host", &evil).header("x-forwarded-host", "localhost");
    forwarded.send().await.expect(421);
    let problem = admin.request(Method::GET, "/").header("host", &evil).header("accept", "application/json");
    assert_eq!(problem.send().await.expect(421).json()["status"], 421);
});

on_both_stacks!(host_of_another_site_421_own_names_pass, |stack| async {
    let app = TestApp::builder(stack)
        .var("BASE_URL", "https://login.example.org")
        .var("ALLOWED_HOSTS", "sso.example.net, 192.0.2.7,[2001:db8::7]")
        .var("TRUSTED_PROXIES", "127.0.0.0/8")
        .start()
        .await;
    for host in [
        "login.example.org",
        "LOGIN.example.org:8443",
        "sso.example.net",
        "192.0.2.7:3000",
        "[2001:db8::7]",
        "[2001:DB8:0::7]:3000",
        "localhost",
        "127.0.0.1:3000",
        "[::1]:3000",
    ] {
        assert_eq!(status_at(&app, "/", host).await, 200, "{host}");
    }
    for host in [
        "evil.example",
        "login.example.org.evil.example",
        "login.example.org.",
        "a.login.example.org",
        "example.org",
        "192.0.2.8",
        "[2001:db8::8]:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
    ] {
        assert_eq!(status_at(&app, "/", host).await, 421, "{host}");
        assert_eq!(status_at(&app, "/none", host).await, 421, "{host}");
    }
    for host in
        ["login.example.org/x", "ada@login.example.org", "login example.org", "[2001:db8::7", "", "\u{e9}"]
    {
        assert_eq!(status_at(&app, "/", host).await, 400, "{host}");
    }
});

on_both_stacks!(host_is_read_in_all_forms_of_a_request, |stack| async {
    let app = TestApp::start(stack).await;
    for (line, hosts, status) in [
        ("GET http://localhost/login HTTP/1.1", "Host: localhost\r\n", 200),
        ("GET http://127.0.0.1:3000/login HTTP/1.1", "Host: localhost\r\n", 200),
        ("GET http://evil.example/login HTTP/1.1", "Host: localhost\r\n", 421),
        ("GET http://localhost/login HTTP/1.1", "Host: evil.example\r\n", 421),
        ("GET http://ada@localhost/login HTTP/1.1", "Host: localhost\r\n", 400),
        ("GET /login HTTP/1.1", "", 400),
        ("GET /login HTTP/1.1", "Host: localhost\r\nHost: localhost\r\n", 400),
        ("GET /login HTTP/1.1", "Host: localhost\r\nHost: evil.example\r\n", 400),
        ("GET /login HTTP/1.0", "", 200),
        ("GET /login HTTP/1.0", "Host: evil.example\r\n", 421),
        // Orchestrators ask by the address of the machine, which no page of another site can have as its name.
        ("GET /healthz HTTP/1.1", "Host: 192.0.2.7:3000\r\n", 200),
        ("GET /readyz HTTP/1.1", "Host: [2001:db8::7]\r\n", 200),
        ("GET /healthz HTTP/1.1", "Host: evil.example\r\n", 421),
        ("GET /login HTTP/1.1", "Host: 192.0.2.7:3000\r\n", 421),
    ] {
        let (found, text) = answer_to(&app, line, hosts).await;
        assert_eq!(found, status, "{line} {hosts}: {text}");
    }
});

on_both_stacks!(origin_is_compared_whole, |stack| async {
    let app = TestApp::builder(stack)
        .var("BASE_URL", "https://login.example.org")
        .var("ALLOWED_HOSTS", "sso.example.net")
        .start()
        .await;
    let (_, client) = app.person("Ada Lovelace").await;
    let rename = async |host: &str, origin: &str| {
        let form = client.request(Method::POST, "/profile").without_origin().form(&[("name", "Nova")]);
        form.header("host", host).header("origin", origin).send().await
    };
    let before = app.written();
    for origin in [
        "http://login.example.org",
        "http://sso.example.net",
        "ftp://login.example.org",
        "https://ada@login.example.org",
        "https://login.example.org:444",
        "https://login.example.org/",
        "https://login.example.org.",
        "login.example.org",
        "https://evil.example",
        "https://127.0.0.1",
        "null",
    ] {
        for host in ["login.example.org", "sso.example.net"] {
            let page = rename(host, origin).await.expect(403);
            assert_eq!(page.set_cookies(), [], "{origin}");
        }
    }
    rename("login.example.org", "https://sso.example.net").await.expect(403);
    assert_eq!(app.written(), before);
    rename("login.example.org", "https://login.example.org").await.to("/profile");
    rename("sso.example.net", "https://sso.example.net").await.to("/profile");
});

/// Waits until the log of a program that writes JSON has so many entries with a kind, and returns each as JSON.
async fn entries(program: &Program, kind: &str, count: usize) -> Vec<serde_json::Value> {
    let found = || {
        let output = program.output();
        let entries = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        entries.filter(|entry| entry["kind"] == kind).collect::<Vec<_>>()
    };
    eventually(|| async { Some(found()).filter(|found| found.len() >= count) }).await
}

on_both_stacks!(refusals_are_logged_with_user_and_address, |stack| async {
    let pages = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(pages.path().join("admin")).unwrap();
    std::fs::write(pages.path().join("admin/report.html"), "<p>The report").unwrap();
    std::os::unix::fs::symlink("admin/report.html", pages.path().join("shortcut.html")).unwrap();
    let program = TestApp::builder(stack)
        .var("LOG_FORMAT", "json")
        .var("PAGES_DIR", pages.path().display())
        .start_program();
    let (ada, client) = (Person::new("Ada Lovelace"), program.client().bound_to([127, 0, 0, 9]));
    ada.register(&client).await;
    let (user, session) = (program.user_id(&ada).to_string(), own_session_id(&client).await);
    let denied = ["/admin/sessions", "/pages/admin/report.html", "/pages/shortcut.html"];
    for path in denied {
        client.get(path).await.expect(403);
    }
    let cross_site = client.request(Method::POST, "/profile").cross_site("https://evil.example\u{20}kind=x");
    cross_site.form(&[("name", "Nova")]).send().await.expect(403);
    client.request(Method::GET, "/").header("host", "evil.example").send().await.expect(421);

    let assert_names_sender = |entry: &serde_json::Value| {
        assert_eq!(entry["user"].to_string(), user, "{entry}");
        assert_eq!(
            (&entry["session"], &entry["ip"]),
            (&session.clone().into(), &"127.0.0.9".into()),
            "{entry}"
        );
    };
    let found = entries(&program, "denied", denied.len()).await;
    assert_eq!(found.len(), denied.len(), "{found:?}");
    for (entry, path) in found.iter().zip(denied) {
        assert_names_sender(entry);
        assert!(entry["path"].as_str().unwrap().contains(path), "{entry}");
    }
    let found = entries(&program, "cross_origin_refused", 1).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_names_sender(&found[0]);
    assert_eq!(found[0]["origin"], "https://evil.example kind=x");
    let found = entries(&program, "foreign_host", 1).await;
    assert_eq!((found.len(), &found[0]["ip"]), (1, &"127.0.0.9".into()), "{found:?}");
    assert_eq!(found[0]["host"], "evil.example");
});

#[actix_web::test]
async fn one_client_cannot_fill_the_log() {
    let builder = TestApp::builder(Stack::Sqlite).var("LOG_FORMAT", "json").var("RUST_LOG", "");
    let program = builder.start_program();
    let client = program.client().bound_to([127, 0, 0, 9]);
    let long = format!("https://evil.example/{}", "\\".repeat(20_000));
    for _ in 0..100 {
        client.request(Method::GET, "/").header("host", "evil.example").send().await.expect(421);
        let _ = client.request(Method::POST, "/login").cross_site(&long).form(&[]).send().await.expect(403);
        let referer = format!("http://{}/login", program.addr());
        let _ = client.request(Method::GET, "/login?cookie=lost").header("referer", &referer).send().await;
        assert_eq!(raw_bytes(program.addr(), b"nonsense\r\n\r\n").await.status, 400);
    }
    let other = program.client().bound_to([127, 0, 0, 10]);
    other.request(Method::GET, "/").header("host", "evil.example").send().await.expect(421);
    let of =
        |entries: &[serde_json::Value], ip: &str| entries.iter().filter(|entry| entry["ip"] == ip).count();
    let foreign = entries(&program, "foreign_host", 21).await;
    assert_eq!((of(&foreign, "127.0.0.9"), of(&foreign, "127.0.0.10")), (20, 1), "others are not hidden");
    assert_eq!(entries(&program, "cross_origin_refused", 20).await.len(), 20);
    assert_eq!(entries(&program, "unreadable_request", 20).await.len(), 20);
    let log = program.output();
    assert_eq!(log.matches("did not keep the session cookie").count(), 20);
    assert!(log.len() < 200 * 1024, "{} bytes", log.len());
}
