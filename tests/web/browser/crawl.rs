//! Crawls every page as visitor, user and administrator: valid HTML, required headers and no broken links. Also tests
//! that error responses are pages of the site.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use reqwest::Method;
use tempfile::TempDir;

use crate::support::{
    calls::is_call,
    routes::{Access, all_routes},
    smtp::SmtpServer,
    *,
};

const INDEX: &str = r#"<!doctype html><html lang="en"><head><title>Inside</title></head>
    <body><main><h1>Inside</h1><p><a href="more.html">More</a></p></main></body></html>"#;
const MORE: &str = r#"<!doctype html><html lang="en"><head><title>More</title></head>
    <body><main><h1>More</h1><p><a href="/pages/">Back</a></p></main></body></html>"#;

/// The paths that a crawl requested, each with its status.
type Visited = BTreeMap<String, u16>;

/// Follows every link from these paths, checks each response, and fails on a broken link.
async fn crawl(client: &Client, from: impl IntoIterator<Item = String>) -> Visited {
    let mut seen = Visited::new();
    let mut waiting: VecDeque<(String, String)> =
        from.into_iter().map(|path| (path, "the route table".to_owned())).collect();
    let mut anchors = Vec::new();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    while let Some((path, linked_from)) = waiting.pop_front() {
        if seen.contains_key(&path) {
            continue;
        }
        let answer = client.get(&path).await;
        assert_page(&answer);
        let broken = answer.status >= 400 && linked_from != "the route table";
        assert!(!broken, "a link on {linked_from} leads to {}", answer.summary());
        seen.insert(path.clone(), answer.status);
        ids.insert(path.clone(), answer.attributes("[id]", "id").into_iter().collect());
        for link in links(&answer, &path) {
            let (page, fragment) = link.split_once('#').unwrap_or((&link, ""));
            if !fragment.is_empty() {
                anchors.push((page.to_owned(), fragment.to_owned(), path.clone()));
            }
            waiting.push_back((page.to_owned(), path.clone()));
        }
    }
    for (page, fragment, linked_from) in anchors {
        assert!(
            // A redirect keeps the fragment.
            seen[&page] == 303 || ids[&page].contains(&fragment),
            "a link on {linked_from} leads to {page}#{fragment}, which does not exist"
        );
    }
    seen
}

/// The paths on this site that a response links to, resolved against its own path.
fn links(answer: &Answer, path: &str) -> Vec<String> {
    let here = url::Url::parse("http://site.invalid").unwrap().join(path).unwrap();
    let mut targets: Vec<String> = answer.location().map(str::to_owned).into_iter().collect();
    if answer.is_html() {
        for (selector, name) in [("a[href]", "href"), ("link[href]", "href"), ("[src]", "src")] {
            targets.extend(answer.attributes(selector, name));
        }
        targets.extend(answer.attributes("form[method=get][action]", "action"));
    }
    let absolute =
        targets.iter().map(|link| here.join(link).unwrap_or_else(|error| panic!("{link}: {error}")));
    let own = absolute.filter(|link| link.host_str() == Some("site.invalid"));
    own.map(|link| link[url::Position::BeforePath..].to_owned()).collect()
}

/// Every GET route, with an example value for each parameter.
fn table(session: &str) -> Vec<(String, Access)> {
    let lines = all_routes().into_iter().filter(|line| line.method == "GET" && !is_call(line.path));
    lines
        .map(|line| {
            let id = if line.path.starts_with("/admin/users") { "1" } else { session };
            let path = line.path.replace("{name}", "app.css").replace("{id}", id);
            let path = path.replace("{path:admin(?:/.*)?}", "admin/").replace("{path:.*}", "");
            assert!(!path.contains('{'), "no example for {path}");
            (path, line.access)
        })
        .collect()
}

/// A folder of operator pages for users and for administrators.
fn pages() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("admin")).unwrap();
    for (name, content) in [("index.html", INDEX), ("more.html", MORE), ("admin/index.html", MORE)] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

on_both_stacks!(crawl_all_pages_valid_no_broken_links, |stack| async {
    let pages = pages();
    let app = TestApp::builder(stack).var("PAGES_DIR", pages.path().display()).not_set_up().start().await;
    let fresh = crawl(&app.client(), [app.setup_link().unwrap().to_owned()]).await;
    assert!(fresh.contains_key("/"), "{fresh:?}");
    app.suppose_set_up().await;

    let (ada, user) = (Person { name: "<b>Ada</b> & \"Co\"".to_owned(), ..Person::new("Ada") }, app.client());
    ada.register(&user).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for _ in 0..60 {
        ada.sign_in(&app.client().user_agent("<script>alert(1)</script>")).await;
    }
    let ended = app.newest_session();
    user.post(&format!("/sessions/{ended}/end"), &[]).await.to("/sessions");
    // A finished bulk end under the id that is the example for every route.
    app.insert_bulk_end(&ended, true, 1300, 1299);
    let routes = table(&ended);
    let paths = || routes.iter().map(|(path, _)| path.clone());

    let anonymous = crawl(&app.client(), paths()).await;
    let user = crawl(&user, paths()).await;
    let admin = crawl(&admin, paths()).await;
    for (path, rule) in &routes {
        let expected = match rule {
            Access::Public => [200; 3],
            Access::User => [303, 200, 200],
            Access::Admin => [303, 403, 200],
        };
        let expected = match path.as_str() {
            // There is no token, for the set-up, a password or an address, and no notice of a sign-in.
            "/setup" | "/password/reset" | "/email/confirm" | "/email/undo" | "/sign-in/check" => [404; 3],
            // Nobody is named to whom faults are reported.
            "/.well-known/security.txt" => [404; 3],
            // No other host has the session's cookie.
            "/.well-known/device-bound-sessions" => [404; 3],
            "/.well-known/change-password" => [302; 3],
            // No second step is open.
            "/login/verify" => [303; 3],
            // No site has a cookie of its own.
            "/site-sign-in" => [303, 404, 404],
            _ => expected,
        };
        let seen = [anonymous[path], user[path], admin[path]];
        assert_eq!(seen, expected, "{path} as visitor, user and administrator");
    }
    assert!(user.contains_key("/pages/more.html"));
    // The second page of each list, and one page for each session.
    assert!(admin.keys().any(|path| path.starts_with("/admin/sessions?after=")), "{:?}", admin.keys());
    assert!(admin.keys().any(|path| path.starts_with("/admin/events?after=")), "{:?}", admin.keys());
    assert!(user.keys().any(|path| path.starts_with("/activity?after=")), "{:?}", user.keys());
    assert!(admin.keys().filter(|path| path.starts_with("/admin/sessions/")).count() > 60);
    // The pages of both users.
    assert!(["/admin/users/1", "/admin/users/2"].iter().all(|path| admin.contains_key(*path)));
});

/// Sends requests of a visitor, a user and an administrator that are refused; returns the expected statuses and the
/// answers.
async fn refused_requests(visitor: &Client, user: &Client, admin: &Client) -> Vec<(u16, Answer)> {
    vec![
        (400, visitor.post_raw("/login", "application/x-www-form-urlencoded", "%ff").await),
        (401, visitor.post("/login", &[("email", "a@example.org"), ("password", "wrong")]).await),
        (401, visitor.post("/profile", &[("name", "Ada")]).await),
        (403, user.get("/admin/sessions").await),
        (
            403,
            user.request(Method::POST, "/profile")
                .form(&[("name", "x")])
                .cross_site("https://evil.example")
                .send()
                .await,
        ),
        (404, visitor.get("/nowhere").await),
        (404, user.post("/sessions/nobodys/end", &[]).await),
        (404, admin.get("/admin/sessions/nobodys").await),
        (405, visitor.request(Method::PUT, "/logout").send().await),
        (405, user.request(Method::DELETE, "/profile").send().await),
        (413, visitor.post("/register", &[("name", &"x".repeat(70_000))]).await),
        (415, visitor.post_raw("/login", "text/plain", "email=a&password=b").await),
        (422, visitor.post("/register", &[("name", ""), ("email", "nonsense")]).await),
        (422, user.post("/profile", &[("name", "")]).await),
        (422, user.post_raw("/profile", "application/x-www-form-urlencoded", "name=%ff%fe").await),
        (422, user.post("/profile/password", &[("password", "short")]).await),
        (422, user.post("/profile/delete", &[("current_password", "wrong")]).await),
        (422, admin.get("/admin/sessions?ip=nonsense&q=%00").await),
        (422, admin.get("/admin/sessions?after=nonsense").await),
        (404, visitor.get("/password/reset?token=nonsense").await),
        (422, visitor.post("/password/reset", &[("token", "nonsense"), ("password", "short")]).await),
        (422, user.post("/confirm-password", &[("password", "wrong")]).await),
        (404, admin.get("/admin/users/4711").await),
        (404, admin.post("/admin/users/4711/deactivate", &[]).await),
        (422, admin.get("/admin/users?role=root&q=%00&after=x").await),
        (422, admin.post("/admin/users", &[("email", "nonsense")]).await),
        (422, admin.post("/admin/users/1/role", &[("role", "root")]).await),
        (422, admin.post("/admin/users/1/deactivate", &[("force", "yes")]).await),
        (422, admin.get("/admin/events?kind=nonsense&ip=nonsense&from=nonsense").await),
        (422, admin.get("/admin/events.csv?to=nonsense").await),
        (422, admin.get("/admin?range=nonsense").await),
        (422, user.get("/activity?after=nonsense").await),
    ]
}

on_both_stacks!(error_responses_are_site_pages, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, user) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let visitor = app.client();
    for (status, answer) in refused_requests(&visitor, &user, &admin).await {
        assert_page(&answer.clone().expect(status));
        assert!(answer.is_html() && !answer.texts("header .brand").is_empty(), "{}", answer.summary());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.summary());
    }
});

on_both_stacks!(title_begins_with_error_when_a_form_comes_back, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, user) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let visitor = app.client();
    for (status, answer) in refused_requests(&visitor, &user, &admin).await {
        let says_so = answer.title().starts_with("Error: ");
        assert_eq!(says_so, matches!(status, 401 | 422), "{}: {}", answer.summary(), answer.title());
    }
    for (client, path) in
        [(&visitor, "/login"), (&visitor, "/"), (&user, "/profile"), (&admin, "/admin/sessions")]
    {
        assert!(!client.get(path).await.expect(200).title().contains("Error"), "{path}");
    }
});

on_both_stacks!(error_page_never_shows_signed_in_user_as_visitor, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, user) = app.person("Ada Lovelace").await;
    app.client().get("/nowhere").await.expect(404).has("Create account");
    for (path, status) in [("/admin/sessions", 403), ("/nowhere", 404), ("/profile", 405)] {
        let method = if status == 405 { Method::DELETE } else { Method::GET };
        let answer = user.request(method, path).send().await.expect(status);
        assert_eq!(answer.texts("header .who"), ["Signed in as Ada Lovelace"], "{path}");
    }
    // Refused before the session is read: the page header shows neither state.
    let too_large = user.post("/profile", &[("name", &"x".repeat(70_000))]).await.expect(413);
    let no_form = user.post_raw("/profile", "text/plain", "name=x").await.expect(415);
    let unreadable = user.post_raw("/login", "application/x-www-form-urlencoded", "%ff").await.expect(400);
    let foreign = user.request(Method::POST, "/logout").cross_site("https://evil.example").send().await;
    for answer in [too_large, no_form, unreadable, foreign.expect(403)] {
        assert!(
            answer.attributes("header nav a", "href").iter().all(|href| href != "/login"),
            "{}",
            answer.summary()
        );
    }
});

/// What may hold the product's name under a name of the site's own, with the reason.
const NAMED: [&str; 2] = [
    // The calls of programs are the product's, and described as such.
    "/auth/docs",
    "/auth/openapi.json",
];

on_both_stacks!(site_of_another_name_says_the_products_nowhere, |stack| async {
    let (pages, smtp) = (pages(), SmtpServer::start_own());
    let builder = TestApp::builder(stack).var("SITE_NAME", "Kaleidoskop").var("SMTP_URL", smtp.url());
    let builder = builder.var("MAIL_FROM", "login@example.org").var("NOTICES", "on");
    let app = builder.var("PAGES_DIR", pages.path().display()).not_set_up().start().await;
    let link = app.setup_link().unwrap().to_owned();
    let mut bodies = vec![app.client().get(&link).await.expect(200)];
    app.suppose_set_up().await;
    let (ada, user) = app.person("Ada Lovelace").await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let routes = table(&app.session_of(&ada));
    for client in [&app.client(), &user, &admin] {
        for path in crawl(client, routes.iter().map(|(path, _)| path.clone())).await.into_keys() {
            bodies.push(client.get(&path).await);
        }
    }
    bodies.extend(refused_requests(&app.client(), &user, &admin).await.into_iter().map(|(_, answer)| answer));
    assert!(bodies.len() > 100, "{}", bodies.len());
    for answer in bodies {
        let named = NAMED.iter().any(|path| answer.request.contains(path));
        let says = answer.body.to_lowercase().contains("gatehouse");
        assert!(named || !says, "{}", answer.request);
        let is_page = answer.is_html() && !answer.request.contains(" /pages/");
        assert!(!is_page || answer.title().ends_with(" · Kaleidoskop"), "{}", answer.summary());
    }
    // A letter of most kinds: addresses to confirm, a forgotten password, one changed, a new browser, a deleted account.
    app.client().post("/password/forgot", &[("email", &ada.email)]).await;
    let fields = [("name", "Eve"), ("email", "eve@example.org"), ("role", "admin")];
    admin.post("/admin/users", &fields).await.expect(201);
    let new = "copper-lantern-17-orchid";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    user.post("/profile/password", &fields).await.expect(303);
    user.post("/profile/email", &[("email", "ada@example.net"), ("current_password", new)]).await.expect(303);
    grace.sign_in(&app.client().user_agent("curl/8.14.1")).await;
    eventually(|| async { app.waiting_mails() == 0 }).await;
    user.post("/profile/delete", &[("current_password", new)]).await.expect(303);
    smtp.mail_about("was deleted").await;
    eventually(|| async { app.waiting_mails() == 0 }).await;
    let mails = smtp.all_mails();
    assert!(mails.len() >= 6, "{}", mails.len());
    for mail in mails {
        assert!(!format!("{mail:?}").to_lowercase().contains("gatehouse"), "{mail:?}");
        assert!(
            mail.text.contains("Kaleidoskop") && mail.header("Subject").contains("Kaleidoskop"),
            "{mail:?}"
        );
    }
});
