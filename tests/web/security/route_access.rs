//! Tests every route as visitor, user and administrator against the access rule in the route table.

use reqwest::Method;

use crate::support::{
    calls::{is_call, is_of_own_script},
    routes::{Access, all_routes, example},
    *,
};

async fn send(client: &Client, method: &str, path: &str) -> Answer {
    let request = client.request(method.parse().unwrap(), path);
    match method {
        "POST" => request.form(&[]).send().await,
        _ => request.send().await,
    }
}

/// Returns whether the request reached a handler: a page, or an error about an empty form or a missing resource.
fn reached_handler(answer: &Answer) -> bool {
    let to_login = answer.location().is_some_and(|location| location.starts_with("/login?"));
    !matches!(answer.status, 401 | 403 | 405) && answer.status < 500 && !to_login
}

/// What programs ask of every site.
const ASKED_OF_EVERY_SITE: [&str; 9] = [
    "/favicon.ico",
    "/apple-touch-icon.png",
    "/icon-192.png",
    "/icon-512.png",
    "/site.webmanifest",
    "/robots.txt",
    "/.well-known/change-password",
    "/.well-known/security.txt",
    "/.well-known/device-bound-sessions",
];

/// Needs an open second step, which nobody has here.
const STEP: &str = "/login/verify/options";

#[test]
fn route_table_rules_match_paths() {
    let lines = all_routes();
    let rules = |rule| lines.iter().filter(|line| line.access == rule).count();
    assert!(rules(Access::Public) >= 9 && rules(Access::User) >= 8 && rules(Access::Admin) >= 4, "{lines:?}");
    for line in &lines {
        let path = line.path;
        let expected = match path {
            "/"
            | "/register"
            | "/login"
            | "/login/verify"
            | "/login/verify/options"
            | "/login/passkey"
            | "/login/passkey/options"
            | "/setup"
            | "/healthz"
            | "/readyz"
            | "/static/{name}"
            | "/password/forgot"
            | "/password/reset"
            | "/sign-in/check"
            | "/logout"
            | "/session/bind"
            | "/session/refresh"
            | "/email/sent"
            | "/email/confirm"
            | "/email/undo"
            | "/auth/register"
            | "/auth/login"
            | "/auth/login/verify"
            | "/auth/session"
            | "/auth/verify"
            | "/auth/verify/stream"
            | "/auth/openapi.json"
            | "/auth/docs" => Access::Public,
            _ if ASKED_OF_EVERY_SITE.contains(&path) => Access::Public,
            _ if path.starts_with("/admin") || path.contains("/{path:admin") => Access::Admin,
            _ => Access::User,
        };
        assert_eq!(line.access, expected, "{} {path}", line.method);
        // The end of many is asked for only once it was confirmed.
        let changes_others = path.starts_with("/admin/") && path != "/admin/sessions/end";
        let changes_factor = path.starts_with("/security/") && path != "/security/trusted/forget";
        let is_sensitive =
            line.method == "POST" && (changes_others || changes_factor || path.starts_with("/sessions"));
        assert_eq!(
            line.sensitive.is_some(),
            is_sensitive,
            "{} {path} requires a recent password",
            line.method
        );
    }
}

on_both_stacks!(routes_visitor_reaches_public_only, |stack| async {
    let app = TestApp::start(stack).await;
    app.person("Ada Lovelace").await;
    let events = || app.event_count();
    let before = events();
    for line in all_routes() {
        let client = app.client();
        let (path, method) = (example(&line), line.method.as_str());
        let answer = send(&client, method, &path).await;
        match (line.access, method) {
            // Public, since it says itself who may pass.
            (Access::Public, _) if path == "/auth/verify" || path == STEP => drop(answer.problem(401)),
            (Access::Public, _) => assert!(reached_handler(&answer), "{}", answer.summary()),
            _ if is_call(&path) || is_of_own_script(&path) => drop(answer.problem(401)),
            (_, "POST") => {
                let page = answer.expect(401).has("Sign in first");
                assert_page(&page);
                page.form("/login");
            }
            _ => {
                let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
                let location = format!("/login?next={next}");
                answer.to(&location);
                send(&client, "HEAD", &path).await.to(&location);
                let problem =
                    client.request(Method::GET, &path).header("accept", "application/json").send().await;
                let problem = problem.expect(401);
                assert_eq!(problem.header("content-type"), Some("application/problem+json"));
                assert_eq!(problem.json()["status"], 401);
            }
        }
        let has_notice = path == "/logout" || (method == "POST" && path == "/login/verify");
        let notice: &[&str] = if has_notice { &["gatehouse-notice"] } else { &[] };
        let cookies: Vec<_> = client.cookies().into_iter().map(|cookie| cookie.name).collect();
        assert_eq!(cookies, notice, "a visitor gets no cookie: {method} {path}");
    }
    assert_eq!(events(), before, "no event was recorded");
});

on_both_stacks!(routes_user_reaches_all_but_admin, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    app.admin("Grace Hopper").await;
    for line in all_routes() {
        let client = app.client();
        ada.sign_in(&client).await;
        let answer = send(&client, line.method.as_str(), &example(&line)).await;
        if line.access == Access::Admin {
            let page = answer.expect(403).has("Only administrators");
            assert_page(&page);
            assert!(page.texts("header .who")[0].contains(&ada.name), "the page names the signed-in user");
        } else {
            assert!(line.path == STEP || reached_handler(&answer), "{}", answer.summary());
        }
    }
});

on_both_stacks!(routes_admin_reaches_all, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    for line in all_routes() {
        let client = app.client();
        grace.sign_in(&client).await;
        let answer = send(&client, line.method.as_str(), &example(&line)).await;
        assert!(line.path == STEP || reached_handler(&answer), "{}", answer.summary());
    }
});

on_both_stacks!(routes_other_methods_405_with_allow, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let lines = all_routes();
    for line in &lines {
        let same_path = lines.iter().filter(|other| other.path == line.path);
        let methods: Vec<&str> = same_path.map(|line| line.method.as_str()).collect();
        let allowed = methods.join(", ").replace("GET", "GET, HEAD");
        let path = example(line);
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if methods.contains(&method) || (method == "HEAD" && methods.contains(&"GET")) {
                continue;
            }
            for client in [&admin, &app.client()] {
                if ["GET", "HEAD"].contains(&method) && !is_call(&path) && !is_of_own_script(&path) {
                    let page = send(client, method, &path).await.expect(303);
                    assert!(page.location().is_some_and(|page| path.starts_with(page)), "{}", page.summary());
                    continue;
                }
                let answer = send(client, method, &path).await.expect(405);
                assert_eq!(answer.header("allow"), Some(allowed.as_str()), "{method} {path}");
                assert_eq!(header_complaints(&answer), Vec::<String>::new());
                assert!(
                    method == "HEAD" || answer.is_html() != (is_call(&path) || is_of_own_script(&path)),
                    "{method} {path}"
                );
            }
        }
    }
    admin.get("/profile").await.expect(200);
});

on_both_stacks!(form_address_leads_browsers_to_page_with_form, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (user, session) = (app.user_id(&ada), app.session_of(&ada));
    for (path, page) in [
        ("/logout", "/"),
        ("/profile/password", "/profile"),
        ("/profile/delete", "/profile"),
        ("/sessions/end-others", "/sessions"),
        (&format!("/sessions/{session}/end?x=1"), "/sessions"),
        ("/admin/sessions/end", "/admin/sessions"),
        (&format!("/admin/sessions/{session}/end"), &format!("/admin/sessions/{session}")),
        (&format!("/admin/users/{user}/role"), &format!("/admin/users/{user}")),
    ] {
        admin.get(path).await.to(page);
        admin.request(Method::HEAD, path).send().await.to(page);
        admin.get(page).await.expect(200);
        let script =
            admin.request(Method::GET, path).header("accept", "application/json").send().await.expect(405);
        assert_eq!(script.header("allow"), Some("POST"));
        assert_eq!(script.json()["status"], 405);
    }
});

on_both_stacks!(routes_unknown_path_404, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let visitor = app.client();
    for path in [
        "/none",
        "/login/",
        "/Login",
        "/profile/password/x",
        "/admin/",
        "//login",
        "/static/",
        "/.env",
        "/.git/config",
        "/pages",
    ] {
        for client in [&admin, &visitor] {
            // No route takes the last two.
            for (method, status) in [("GET", 404), ("POST", 404), ("DELETE", 405), ("TRACE", 405)] {
                let page = send(client, method, path).await;
                assert_eq!(page.status, status, "{}", page.summary());
                assert_page(&page);
            }
        }
    }
    for path in
        ["/static/../Cargo.toml", "/static/%2e%2e%2fCargo.toml", "/static/%2e%2e/Cargo.toml", "/./login"]
    {
        assert_eq!(app.raw(&admin, "GET", path).await.status, 404, "{path}");
    }
    assert_eq!(visitor.cookies(), []);
    let problem =
        visitor.request(Method::GET, "/none").header("accept", "application/json").send().await.expect(404);
    assert_eq!(problem.json()["title"], "Nothing here");
});
