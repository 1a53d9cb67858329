//! Tests that what ends a session ends it at sites with cookies of their own too, at the next request and on every instance.

use reqwest::Method;

use crate::support::{guarded_sites::*, outage, *};

on_both_stacks!(site_ended_session_is_refused_at_next_request, |stack| async {
    let app = builder(stack).start().await;
    let second = app.second_instance().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let (other, admin) = (app.client(), app.admin("Grace Hopper").await.1);
    ada.sign_in(&other).await;
    for end in 0..4 {
        browser.here.post("/logout", &[]).await;
        ada.sign_in(&browser.here).await;
        browser.open(APP, "/").await.expect(200);
        browser.open(WIKI, "/").await.expect(200);
        let there = browser.at(&second);
        there.verify(APP).await.expect(200);
        let id = app.newest_session_of(&ada);
        match end {
            0 => drop(other.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions")),
            1 => drop(admin.post(&format!("/admin/sessions/{id}/end"), &[]).await.to("/admin/sessions")),
            2 => drop(browser.here.post("/logout", &[]).await.to("/")),
            _ => app.lose_state(&id),
        }
        there.verify(APP).await.problem(401);
        browser.verify(WIKI).await.problem(401);
        let page = browser.open(APP, "/").await.expect(200);
        assert!(page.forms().iter().any(|form| form.action == "/login"), "{}", page.summary());
    }
    app.make_admin(&ada);
    app.demote(&ada);
    ada.sign_in(&browser.here).await;
    browser.open(APP, "/").await.expect(200);
    app.set_active(&ada, false);
    browser.verify(APP).await.problem(401);
    app.set_active(&ada, true);
    browser.verify(APP).await.expect(200);
    app.delete_user(&ada);
    browser.verify(APP).await.problem(401);
    assert_eq!(app.site_cookie_count(), 0);
});

on_both_stacks!(site_cookie_dies_with_the_password, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    let thief = browser.at(&app);
    // Taken before the change: of no use after it.
    let code = browser.code(WIKI, "/").await;
    let changed = [
        ("current_password", ada.password.as_str()),
        ("password", "Another-Password-71-x"),
        ("password_confirmation", "Another-Password-71-x"),
    ];
    browser.here.post("/profile/password", &changed).await.expect(303);
    thief.verify(APP).await.problem(401);
    thief.open(APP, "/").await.expect(200);
    assert_eq!(thief.cookie(WIKI), None);
    handed_over(&browser.wiki, WIKI, &code).await.to("/");
    assert_eq!(browser.cookie(WIKI), None, "the code was for the key before");
    // Whoever has changed it is known again without another sign-in.
    assert_eq!(browser.open(APP, "/").await.expect(200).header("remote-name"), Some("Ada Lovelace"));
    assert_eq!(browser.open(WIKI, "/").await.expect(200).header("remote-name"), Some("Ada Lovelace"));
});

on_both_stacks!(site_sign_out_ends_the_session_everywhere, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let visitor = handed_over(&browser.app, APP, "/.gatehouse/sign-out").await.expect(200);
    assert_page(&visitor.has("You are signed out").lacks("Ada"));
    browser.open(APP, "/").await.expect(200);
    browser.open(WIKI, "/").await.expect(200);
    let page = handed_over(&browser.app, APP, "/.gatehouse/sign-out").await.expect(200);
    let page = page.has("Sign out of app.example.net?").has("Ada Lovelace").lacks(&ada.email);
    assert_page(&page);
    assert!(page.attributes("link[href]", "href").iter().all(|href| href.starts_with("/.gatehouse/static/")));
    for file in page.attributes("script[src]", "src") {
        handed_over(&browser.app, APP, &file).await.expect(200);
    }
    browser.verify(APP).await.expect(200);
    let form = page.form("/.gatehouse/sign-out");
    let send = |origin: &str, site: &str, fields: &[(&str, &str)]| {
        let request = browser.app.request(Method::POST, "/.gatehouse/sign-out").header("host", APP);
        let request = request.header("origin", origin).header("sec-fetch-site", site).form(fields);
        let request = request.header("sec-fetch-mode", "navigate");
        async move { request.send().await }
    };
    let own = format!("https://{APP}");
    for (origin, site) in
        [("https://evil.example", "cross-site"), (HOME, "cross-site"), ("null", "same-site")]
    {
        send(origin, site, &form.with(&[])).await.expect(403);
    }
    send(&own, "same-origin", &[("for_session", "aaaaaaaaaaaaaaaaaaaaaa")]).await.expect(409);
    browser.verify(APP).await.expect(200);
    let out = send(&own, "same-origin", &form.with(&[])).await.to("/.gatehouse/sign-out");
    let [removed] = out.set_cookies().try_into().unwrap();
    assert_eq!((removed.name.as_str(), removed.max_age()), (SITE_COOKIE, Some(0)));
    browser.verify(APP).await.problem(401);
    browser.verify(WIKI).await.problem(401);
    browser.here.get("/profile").await.expect(303);
    assert_eq!(app.end_reasons_of(&ada), ["logout"]);
    handed_over(&browser.app, APP, "/.gatehouse/sign-out").await.expect(200).has("You are signed out");
    send(&own, "same-origin", &[]).await.to("/.gatehouse/sign-out");
});

#[actix_web::test]
async fn site_answers_503_without_store() {
    let vars = [("BASE_URL", HOME), ("GATE_HOSTS", APP), ("TRUSTED_PROXIES", "127.0.0.1")];
    let builder = vars.iter().fold(outage::builder(), |builder, (name, value)| builder.var(name, value));
    let app = builder.through_proxies().start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    let fresh = Visitor { here: browser.here.copy(), ..Visitor::new(&app) };
    for (proxy, name) in [(app.redis_proxy(), "redis"), (app.postgres_proxy(), "postgres")] {
        let code = fresh.code(APP, "/x").await;
        proxy.set(ProxyMode::Blackhole);
        let asked = outage::timely(browser.verify(APP)).await;
        assert_eq!((asked.header("remote-user"), asked.location()), (None, None), "{name}");
        asked.problem(503);
        let back = outage::timely(handed_over(&fresh.app, APP, &code)).await.expect(503);
        assert_page(&back);
        assert_eq!(fresh.cookie(APP), None);
        proxy.set(ProxyMode::Pass);
        eventually(|| async { browser.verify(APP).await.status == 200 }).await;
    }
    eventually(|| async { fresh.open(APP, "/").await.status == 200 }).await;
}
