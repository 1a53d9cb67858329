//! Tests in Chromium what pages of other origins can do with `fetch`: front ends of `FRONTEND_URL`, and everybody else.

use serde_json::{Value, json};

use super::live::sign_in;
use crate::support::{other_site::OtherSite, throttling::WRONG, *};

/// What a page has of an answer.
struct Fetched(Value);

impl Fetched {
    #[track_caller]
    fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.0["status"], status, "{}", self.0);
        &self.0["body"]
    }
}

/// A page of another site, from which a script calls Gatehouse.
struct Page {
    browser: Browser,
    gatehouse: String,
}

impl Page {
    /// Opens the page at an origin in a browser; `host` is the name by which its scripts call Gatehouse.
    async fn open(browser: Browser, origin: &str, app: &TestApp, host: &str) -> Self {
        browser.client().goto(origin).await.unwrap();
        Self { browser, gatehouse: format!("http://{host}:{}", app.addr().port()) }
    }

    /// Runs `fetch` with more options; the answer, or the error that the script got instead.
    async fn fetch(&self, path: &str, options: &str) -> Fetched {
        let script = format!(
            "return (async () => {{
                try {{
                    const answer = await fetch('{}{path}', {{ credentials: 'include', ...{options} }});
                    const text = await answer.text();
                    const retry = answer.headers.get('retry-after');
                    return {{ status: answer.status, body: text && JSON.parse(text), retry, type: answer.type }};
                }} catch (error) {{ return {{ error: error.name }}; }}
            }})()",
            self.gatehouse
        );
        Fetched(self.browser.evaluate(&script).await)
    }

    async fn get(&self, path: &str) -> Fetched {
        self.fetch(path, "{}").await
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Fetched {
        let headers = "{ 'Content-Type': 'application/json' }";
        self.fetch(
            path,
            &format!("{{ method: '{method}', headers: {headers}, body: JSON.stringify({body}) }}"),
        )
        .await
    }
}

on_both_stacks!(front_end_at_other_origin_uses_sessions, |stack| async {
    let site = OtherSite::start();
    let app = TestApp::builder(stack)
        .var("FRONTEND_URL", site.origin("localhost"))
        .var("THROTTLE", "on")
        .start()
        .await;
    let page = Page::open(Browser::open(&app).await, &site.origin("localhost"), &app, "localhost").await;
    assert_eq!(page.get("/auth/session").await.expect(200), &json!({"authenticated": false}));
    page.get("/auth/me").await.expect(401);

    let account = json!({"name": "Ada Lovelace", "email": "ada@example.org", "password": PASSWORD});
    page.send("POST", "/auth/register", &account).await.expect(201);
    assert_eq!(page.get("/auth/me").await.expect(200)["user"]["email"], "ada@example.org");
    assert_eq!(page.get("/auth/session").await.expect(200)["authenticated"], true);
    assert_eq!(page.browser.evaluate("return document.cookie").await, "", "the cookie is HttpOnly");
    let name = json!({"name": "Ada King"});
    assert_eq!(page.send("PUT", "/auth/profile", &name).await.expect(200)["user"]["name"], "Ada King");
    page.fetch("/auth/sessions", "{ method: 'DELETE' }").await.expect(204);
    page.fetch("/auth/rotate-session", "{ method: 'POST' }").await.expect(200);
    page.fetch("/auth/logout", "{ method: 'POST' }").await.expect(204);
    page.get("/auth/me").await.expect(401);
    let credentials = json!({"email": "ada@example.org", "password": PASSWORD});
    page.send("POST", "/auth/login", &credentials).await.expect(200);
    page.get("/auth/me").await.expect(200);

    // It can read why it was refused, and when to try again.
    let refused = page.send("PUT", "/auth/profile", &json!({"role": "admin"})).await;
    assert!(refused.expect(422)["errors"]["role"].is_array(), "{}", refused.0);
    page.fetch("/auth/profile", "{ method: 'PUT', body: 'name=Ada' }").await.expect(415);
    page.fetch("/auth/profile", "{ method: 'PUT', body: new URLSearchParams({ name: 'a'.repeat(70000) }) }")
        .await
        .expect(413);
    let wrong = json!({"email": "ada@example.org", "password": WRONG});
    let mut answer = page.send("POST", "/auth/login", &wrong).await;
    for _ in 0..20 {
        if answer.0["status"] != 401 {
            break;
        }
        answer = page.send("POST", "/auth/login", &wrong).await;
    }
    answer.expect(429);
    assert!(answer.0["retry"].as_str().unwrap().parse::<u32>().unwrap() >= 1, "{}", answer.0);
    // Pages of the site stay closed to it.
    assert_eq!(page.get("/profile").await.0, json!({"error": "TypeError"}));
});

on_both_stacks!(page_of_other_origin_reads_and_writes_nothing, |stack| async {
    let (site, front_end) = (OtherSite::start(), OtherSite::start());
    let app = TestApp::builder(stack).var("FRONTEND_URL", front_end.origin("localhost")).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::builder(&app).host("localhost").third_party_cookies(true).open().await;
    sign_in(&browser, &ada).await;
    let before = app.written();
    // Another port is the same site to browsers: the cookie comes along.
    let mut page = Page::open(browser, &site.origin("localhost"), &app, "localhost").await;
    for origin in ["localhost", "127.0.0.1"] {
        page = Page::open(page.browser, &site.origin(origin), &app, "localhost").await;
        for path in ["/auth/me", "/auth/session", "/auth/sessions", "/auth/verify", "/auth/openapi.json"] {
            assert_eq!(page.get(path).await.0, json!({"error": "TypeError"}), "{path}");
        }
        let opaque = page.fetch("/auth/me", "{ mode: 'no-cors' }").await;
        assert!(opaque.0["error"] == "TypeError" || opaque.0["type"] == "opaque", "{}", opaque.0);
        for (method, path) in [
            ("PUT", "/auth/profile"),
            ("POST", "/auth/login"),
            ("POST", "/auth/register"),
            ("DELETE", "/auth/sessions"),
        ] {
            let sent = json!({"name": "Mallory", "email": "mallory@example.org", "password": PASSWORD});
            assert_eq!(page.send(method, path, &sent).await.0, json!({"error": "TypeError"}), "{path}");
        }
        // These are sent without being asked first.
        for path in ["/auth/logout", "/auth/rotate-session", "/auth/register", "/auth/login"] {
            let form = "new URLSearchParams({ name: 'Eve', email: 'eve@example.org', password: 'violet-anchor-93-maple' })";
            for options in ["method: 'POST'", "method: 'POST', mode: 'no-cors'"] {
                let answer = page.fetch(path, &format!("{{ {options}, body: {form} }}")).await;
                assert!(answer.0.get("body").is_none_or(|body| body == ""), "{path}: {}", answer.0);
            }
        }
    }
    assert_eq!(app.written(), before);
    let browser = page.browser;
    browser.goto("/profile").await;
    browser.wait_for(&ada.email).await;
});

on_both_stacks!(front_end_on_other_site_is_told_of_lax_cookies, |stack| async {
    let site = OtherSite::start();
    let app = TestApp::builder(stack).var("FRONTEND_URL", site.origin("127.0.0.1")).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let page = Page::open(Browser::open(&app).await, &site.origin("127.0.0.1"), &app, "localhost").await;
    page.send("POST", "/auth/login", &ada.credentials()).await.expect(200);
    page.get("/auth/me").await.expect(401);
    let session = page.get("/auth/session").await;
    assert_eq!(session.expect(200)["authenticated"], false);
    let hint = session.0["body"]["hint"].as_str().unwrap_or_else(|| panic!("{}", session.0));
    assert!(hint.contains("COOKIE_SAMESITE=none") && hint.contains(&site.origin("127.0.0.1")), "{hint}");
});

on_both_stacks!(front_end_is_told_of_blocked_third_party_cookies, |stack| async {
    let site = OtherSite::start();
    let origin = site.origin("app.front.localhost");
    let app = TestApp::builder(stack)
        .var("BASE_URL", "https://login.site.localhost")
        .var("COOKIE_SAMESITE", "none")
        .var("FRONTEND_URL", &origin)
        .start()
        .await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for blocks in [false, true] {
        let browser = Browser::builder(&app).third_party_cookies(!blocks).open().await;
        let page = Page::open(browser, &origin, &app, "login.site.localhost").await;
        page.send("POST", "/auth/login", &ada.credentials()).await.expect(200);
        page.get("/auth/me").await.expect(if blocks { 401 } else { 200 });
        let session = page.get("/auth/session").await;
        assert_eq!(session.expect(200)["authenticated"], !blocks, "{}", session.0);
        let hint = session.0["body"]["hint"].as_str().unwrap_or_default();
        assert_eq!(hint.contains("block third-party cookies"), blocks, "{hint}");
    }
});
