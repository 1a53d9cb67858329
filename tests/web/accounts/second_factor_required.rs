//! Tests `SECOND_FACTOR`: whoever must have a second factor and has none sets one up before anything else.

use reqwest::Method;

use crate::support::{
    authenticator::Authenticator,
    calls::is_call,
    guarded_sites::{self, APP, HOME, Visitor, ask},
    routes::{Access, all_routes, example},
    *,
};

/// Asserts that a call is refused for the lack of a second factor.
fn assert_missing(answer: &Answer) {
    let problem = answer.problem(403);
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.ends_with("second-factor-missing"), "{kind}");
}

fn set_up_path(next: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/security?next={next}")
}

/// Follows the pages from the one that sends there, up to the link that leads on. Returns where that leads.
async fn set_up_from(app: &TestApp, client: &Client, page: &str) -> String {
    let page = client.get(page).await.expect(200).has("Set one up to go on");
    assert_page(&page);
    let [link] = &page.attributes("a[href^='/security/totp']", "href")[..] else {
        panic!("{}", page.summary())
    };
    // Whoever has just given the password is not asked for it again.
    let page = client.get(link).await.expect(200);
    assert_page(&page);
    let authenticator = Authenticator::with_key(&page.texts("#totp-key")[0]);
    let form = page.form("/security/totp");
    let wrong = client.post("/security/totp", &form.with(&[("code", "12")])).await.expect(422);
    let form = wrong.form("/security/totp");
    let page =
        client.post("/security/totp", &form.with(&[("code", &authenticator.code())])).await.expect(200);
    assert_page(&page);
    app.forget_used_codes();
    page.attributes("main .card a.button", "href").remove(0)
}

on_both_stacks!(required_second_factor_comes_before_every_route, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "everyone").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let is_open = |path: &str| {
        path.starts_with("/security")
            || path.starts_with("/confirm-password")
            || ["/session/events", "/auth/logout"].contains(&path)
    };
    for client in [&client, &admin] {
        for line in all_routes() {
            let (path, method) = (example(&line), line.method.as_str());
            if line.access == Access::Public || is_open(line.path) {
                continue;
            }
            let request = client.request(method.parse().unwrap(), &path);
            if is_call(&path) {
                assert_missing(&request.send().await);
            } else if method == "POST" {
                let page = request.form(&[("confirm_password", PASSWORD)]).send().await.expect(403);
                assert_page(&page.has("requires a second factor"));
            } else {
                request.send().await.to(&set_up_path(&path));
                let script = client.request(Method::GET, &path).header("accept", "text/event-stream");
                assert_missing(&script.send().await);
            }
        }
    }
    assert_missing(&client.get("/auth/session").await);
    assert_missing(&client.get("/auth/verify").await);
    let name = app.query_text("SELECT name FROM users ORDER BY id LIMIT 1")[0][0].clone();
    assert_eq!(name.as_deref(), Some("Ada Lovelace"));
    let token = Person::take_token(&ada, &app).await;
    assert_eq!(app.client().status_of(&token).await, 403);
    assert_eq!(set_up_from(&app, &client, &set_up_path("/sessions?x=1")).await, "/sessions?x=1");
    client.get("/sessions").await.expect(200);
    client.get("/auth/session").await.expect(200);
    client.get("/auth/verify").await.expect(200);
    assert_eq!(app.client().status_of(&token).await, 401, "it ended with the set-up");
    client.get("/security?next=%2Fsessions").await.expect(200).has("Go on to where you were going");
    let lacks = client.get("/security?next=https%3A%2F%2Fevil.example").await.expect(200);
    let _ = lacks.lacks("Go on to where you were going").lacks("evil.example");
    admin.post("/auth/logout", &[]).await.expect(204);
});

on_both_stacks!(required_second_factor_is_set_up_after_registering_and_signing_in, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "everyone").not_set_up().start().await;
    let (grace, first) = (Person::new("Grace Hopper"), app.client());
    grace.set_up(&first, app.setup_link().unwrap()).await;
    first.get("/admin/sessions").await.to(&set_up_path("/admin/sessions"));
    assert_eq!(set_up_from(&app, &first, &set_up_path("/admin/sessions")).await, "/admin/sessions");
    assert_eq!(first.get("/auth/session").await.expect(200).json()["method"], "link");

    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let fields = [("email", &*ada.email), ("password", PASSWORD), ("next", "/members")];
    client.post("/login", &fields).await.to("/members");
    client.get("/members").await.to(&set_up_path("/members"));
    client.get("/").await.expect(200);
    assert_eq!(set_up_from(&app, &client, &set_up_path("/members")).await, "/members");
    client.get("/members").await.expect(200);

    // After a while the password is asked for, and the way on is kept.
    let (_, late) = app.person("Bob Kahn").await;
    app.forget_confirmations();
    let asked = late.get("/security/totp?next=%2Fmembers").await.expect(303);
    let form = late.get(asked.location().unwrap()).await.expect(200).form("/confirm-password");
    let back = late.post("/confirm-password", &form.with(&[("password", PASSWORD)])).await;
    back.to("/security/totp?next=%2Fmembers");
    late.post("/logout", &[]).await.to("/");
});

on_both_stacks!(second_factor_is_required_of_administrators_as_roles_are_now, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "administrators").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    admin.get("/admin").await.to(&set_up_path("/admin"));
    let page = admin.get("/security").await.expect(200).has("requires a second factor of administrators");
    assert_page(&page);
    Authenticator::set_up(&app, &admin).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    client.get("/profile").await.expect(200);
    client.get("/security").await.expect(200).lacks("requires a second factor");
    let role = format!("{}/role", app.admin_path(&ada));
    admin.post(&role, &[("role", "admin")]).await.expect(303);
    client.get("/profile").await.to(&set_up_path("/profile"));
    assert_missing(&client.get("/auth/verify").await);
    let page = admin.get(&app.admin_path(&ada)).await.expect(200).has("This site requires one");
    assert_page(&page);
    admin.post(&role, &[("role", "user")]).await.expect(303);
    client.get("/profile").await.expect(200);
    client.get("/auth/verify").await.expect(200);
});

on_both_stacks!(required_second_factor_is_asked_for_again_once_removed, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "administrators").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    Authenticator::set_up(&app, &admin).await;
    let events = admin.events("/admin/sessions/events").await;
    let page = admin.get("/security").await.expect(200);
    let warning = page.attributes("form[action='/security/totp/remove']", "data-confirm").remove(0);
    assert!(warning.contains("set up another one"), "{warning}");
    app.forget_confirmations();
    admin.post("/security/totp/remove", &[]).await.expect(403).has("before anything else");
    app.set_confirmations(0);
    admin.post("/security/totp/remove", &[]).await.to("/security");
    admin.get("/security").await.expect(200).has("Now set up another one").has("Set one up to go on");
    admin.get("/admin/sessions").await.to(&set_up_path("/admin/sessions"));
    events.end().await;
});

on_both_stacks!(proxies_let_nobody_pass_without_the_required_second_factor, |stack| async {
    let app = guarded_sites::builder(stack).var("SECOND_FACTOR", "everyone").start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let page = browser.open(APP, "/a?b=1&c").await.expect(200).has("requires a second factor of everyone");
    assert!(page.request.contains("/security?next="), "{}", page.request);
    assert!(browser.cookie(APP).is_none(), "the site learns nothing before");
    Authenticator::set_up(&app, &browser.here).await;
    browser.open(APP, "/a?b=1&c").await.expect(200);
    browser.verify(APP).await.expect(200);

    app.run_script("UPDATE users SET second_factor = FALSE");
    let refused = browser.verify(APP).await;
    let there = format!("{HOME}/security?next=https%3A%2F%2F{APP}%2Fa%3Fb%3D1%26c");
    assert_eq!(refused.location(), Some(there.as_str()));
    assert_eq!(refused.header("remote-user"), None);
    assert_missing(&refused);
    let led = ask(&browser.app, APP, "/a?b=1&c", "?redirect=1").send().await.expect(302);
    assert_eq!(led.location(), Some(there.as_str()));
    let script = ask(&browser.app, APP, "/a", "?redirect=1").header("sec-fetch-mode", "cors").send().await;
    assert_eq!(script.location(), None);
    assert_missing(&script);
    assert_eq!(app.active_session_ids().len(), 1, "{}", ada.email);
});

on_both_stacks!(administrators_see_who_has_no_second_factor, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "everyone").start().await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    Authenticator::set_up(&app, &admin).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let listed = |page: &Answer| page.texts("tbody .name");
    let page = admin.get("/admin/users").await.expect(200);
    assert_page(&page);
    assert_eq!(page.texts("tbody .note").iter().filter(|note| *note == "Second factor missing").count(), 1);
    for (filter, name) in [("yes", &grace.name), ("no", &ada.name)] {
        let page = admin.get(&format!("/admin/users?second_factor={filter}")).await.expect(200);
        assert_eq!(listed(&page), [name.as_str()]);
    }
    let page = admin.get("/admin/users?second_factor=maybe").await.expect(422);
    assert!(page.field_error("second_factor").is_some());
    let mut vars = app.command_vars();
    vars.push(("SECOND_FACTOR".to_owned(), "everyone".to_owned()));
    let lines = Program::run(&["user", "list", "--second-factor", "no"], &vars, "").done();
    assert!(lines.contains(&ada.email) && lines.contains("second factor missing"), "{lines}");
    assert!(!lines.contains(&grace.email), "{lines}");
});
