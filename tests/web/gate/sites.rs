//! Tests sites on other domains, which have cookies of their own.

use reqwest::Method;

use crate::support::{guarded_sites::*, *};

on_both_stacks!(site_visitor_signs_in_and_comes_back, |stack| async {
    let app = builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Visitor::new(&app);
    let asked = browser.verify(APP).await;
    let login = format!("{HOME}/login?next=https%3A%2F%2Fapp.example.net%2Fa%3Fb%3D1%26c");
    assert_eq!(asked.location(), Some(login.as_str()));
    assert_eq!(asked.set_cookies(), [], "a visitor gets no cookie");
    asked.problem(401);
    let asked = ask(&browser.app, APP, "/a?b=1&c", "?redirect=1").send().await.expect(302);
    assert_eq!(asked.location(), Some(login.as_str()));
    let script = ask(&browser.app, APP, "/a", "?redirect=1").header("sec-fetch-mode", "cors").send().await;
    assert_eq!(script.location(), None);
    script.problem(401);

    let page = browser.here.get(&login).await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    let targets = format!("form-action 'self' https://{APP} https://{WIKI};");
    assert!(policy.contains(&targets), "{policy}");
    let form = page.form("/login");
    let sent =
        browser.here.post("/login", &form.with(&[("email", &ada.email), ("password", PASSWORD)])).await;
    let there = format!("https://{APP}/.gatehouse/sign-in?next=%2Fa%3Fb%3D1%26c");
    assert_eq!((sent.status, sent.location()), (303, Some(there.as_str())));
    let state = handed_over(&browser.app, APP, &there).await.expect(303);
    assert!(state.location().unwrap().starts_with(&format!("{HOME}/site-sign-in?site={APP}&state=")));
    let code = browser.here.get(state.location().unwrap()).await.expect(303);
    assert_eq!(code.set_cookies().iter().filter(|cookie| cookie.name != SESSION_COOKIE).count(), 0);
    let back = handed_over(&browser.app, APP, code.location().unwrap()).await.to("/a?b=1&c");
    assert_eq!(back.header("cache-control"), Some("no-store"));
    assert_eq!(back.header("strict-transport-security"), Some("max-age=63072000"));
    let names: Vec<_> = browser.app.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, [SITE_COOKIE], "the state has been used");
    let cookie = browser.cookie(APP).unwrap();
    assert!(cookie.is("secure") && cookie.is("httponly") && !cookie.is("domain"), "{cookie:?}");
    assert_eq!((cookie.attribute("path"), cookie.attribute("samesite")), (Some("/"), Some("Lax")));
    assert_eq!(cookie.max_age(), None);

    app.confirm_email(&ada);
    let passes = browser.verify(APP).await.expect(200);
    assert_eq!(passes.header("remote-user"), Some(app.user_id(&ada).as_str()));
    assert_eq!(passes.header("remote-name"), Some("Ada Lovelace"));
    assert_eq!(passes.header("remote-email"), Some(ada.email.as_str()));
    assert_eq!(passes.header("remote-groups"), Some("user"));
    assert_eq!(passes.set_cookies(), []);
    ask(&browser.app, APP, "/", "?role=admin").send().await.problem(403);
    // Known already, the way is short.
    handed_over(&browser.app, APP, &there).await.to("/a?b=1&c");
});

on_both_stacks!(site_each_has_its_own_cookie_and_is_listed, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    browser.here.get("/sessions").await.expect(200).lacks("Also signed in at");
    let id = app.session_of(&ada);
    browser.open(APP, "/x").await.expect(200);
    browser.here.get("/sessions").await.expect(200).has("Also signed in at app.example.net").lacks(WIKI);
    browser.open(WIKI, "/y").await.expect(200);
    browser.verify(APP).await.expect(200);
    browser.verify(WIKI).await.expect(200);
    assert_ne!(browser.cookie(APP).unwrap().value, browser.cookie(WIKI).unwrap().value);
    assert_eq!(browser.wiki.cookies().len(), 1);
    let page = browser.here.get("/sessions").await.expect(200);
    assert_page(&page.has("Also signed in at app.example.net, wiki.example.com:8443"));
    let listed = browser.here.get("/auth/sessions").await.expect(200).json();
    assert_eq!(listed["sessions"][0]["sites"], serde_json::json!([APP, WIKI]));
    let page = admin.get(&format!("/admin/sessions/{id}")).await.expect(200);
    assert_page(&page.has("app.example.net since"));
    app.forget_confirmations();
    browser.here.post("/logout", &[]).await.to("/");
    admin.get(&format!("/admin/sessions/{id}")).await.expect(200).has("app.example.net since").has(WIKI);
});

on_both_stacks!(site_cookie_outlives_keys_and_follows_its_user, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    for _ in 0..2 {
        browser.here.call(Method::POST, "/auth/rotate-session").send().await.expect(200);
        browser.verify(APP).await.expect(200);
    }
    app.make_admin(&ada);
    let passes = ask(&browser.app, APP, "/", "?role=admin").send().await.expect(200);
    assert_eq!(passes.header("remote-groups"), Some("admin"));
    browser.here.get("/profile").await.expect(200);
    browser.verify(APP).await.expect(200);
    app.demote(&ada);
    ask(&browser.app, APP, "/", "?role=admin").send().await.problem(403);
    app.rename_user(&ada, "Zoë");
    assert_eq!(browser.verify(APP).await.header("remote-name"), Some("Zo%C3%AB"));
});

on_both_stacks!(site_cookie_of_remembered_session_is_renewed, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = (app.person("Ada Lovelace").await.0, Visitor::new(&app));
    ada.sign_in_remembered(&browser.here).await;
    browser.open(APP, "/").await.expect(200);
    let cookie = browser.cookie(APP).unwrap();
    assert_eq!(cookie.max_age(), Some(30 * 24 * 60 * 60));
    let passes = browser.verify(APP).await.expect(200);
    let [renewed] = passes.set_cookies().try_into().unwrap();
    assert_eq!((renewed.name.as_str(), renewed.max_age()), (SITE_COOKIE, cookie.max_age()));
    assert!(renewed.is("secure") && renewed.is("httponly") && !renewed.is("domain"), "{renewed:?}");
    browser.app.close();
    browser.verify(APP).await.expect(200);
    let background = ask(&browser.app, APP, "/", "").header("x-background", "1").send().await.expect(200);
    assert_eq!(background.set_cookies(), []);
});

on_both_stacks!(site_requests_count_as_use_but_in_background, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    let id = app.session_of(&ada);
    app.set_session_time(&id, SessionTime::LastSeen, "2026-01-01 00:00:00");
    for _ in 0..3 {
        ask(&browser.app, APP, "/", "").header("x-background", "1").send().await.expect(200);
    }
    assert!(!app.was_seen_again(&id));
    browser.verify(APP).await.expect(200);
    eventually(|| async { app.was_seen_again(&id) }).await;
});

on_both_stacks!(site_cookie_is_read_under_older_secret, |stack| async {
    let (old, new) = (random_secret(), random_secret());
    let mut app = builder(stack).var("SESSION_SECRET", &old).start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    let code = browser.code(WIKI, "/y").await;
    app.restart_with(&[("SESSION_SECRET", &format!("{new},{old}"))]).await;
    handed_over(&browser.wiki, WIKI, &code).await.to("/y");
    let passes = browser.verify(APP).await.expect(200);
    assert_eq!(passes.set_cookies().len(), 1, "it comes under the newest secret now");
    app.restart_with(&[("SESSION_SECRET", &new)]).await;
    browser.verify(APP).await.expect(200);
    browser.verify(WIKI).await.expect(200);
});

on_both_stacks!(site_cookies_of_one_session_are_few, |stack| async {
    let app = builder(stack).start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let tabs =
        [Visitor::new(&app), Visitor::new(&app)].map(|tab| Visitor { here: browser.here.copy(), ..tab });
    for tab in &tabs {
        tab.open(APP, "/").await.expect(200);
    }
    // Pages that were opened at once have one each, and both work.
    for tab in &tabs {
        tab.verify(APP).await.expect(200);
    }
    for _ in 0..6 {
        let tab = Visitor { here: browser.here.copy(), ..Visitor::new(&app) };
        tab.open(APP, "/").await.expect(200);
        tab.open(WIKI, "/").await.expect(200);
    }
    assert_eq!(app.site_cookie_count(), 8, "four at each site");
    tabs[0].verify(APP).await.problem(401);
    let listed = browser.here.get("/auth/sessions").await.expect(200).json();
    assert_eq!(listed["sessions"][0]["sites"], serde_json::json!([APP, WIKI]));
});

on_both_stacks!(site_tabs_share_the_way, |stack| async {
    let app = builder(stack).start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let one = browser.code(APP, "/one").await;
    let two = browser.code(APP, "/two").await;
    handed_over(&browser.app, APP, &one).await.to("/one");
    // The first one has used the state; the browser is known by now.
    handed_over(&browser.app, APP, &two).await.to("/two");
    assert_eq!(app.site_cookie_count(), 1);
});

on_both_stacks!(site_page_with_a_long_address_comes_back, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = (app.person("Ada Lovelace").await.0, Visitor::new(&app));
    for (uri, lands) in
        [(format!("/a?q={}", "x".repeat(1500)), true), (format!("/a?q={}", "%2F".repeat(600)), false)]
    {
        let query: String = url::form_urlencoded::byte_serialize(uri.as_bytes()).collect();
        let client = app.client();
        let ask = handed_over(&client, APP, &format!("/.gatehouse/sign-in?next={query}")).await.expect(303);
        let to_login = browser.here.get(ask.location().unwrap()).await.expect(303);
        let form = browser.here.get(to_login.location().unwrap()).await.expect(200).form("/login");
        let fields = form.with(&[("email", &ada.email), ("password", PASSWORD)]);
        let code = browser.here.post("/login", &fields).await.expect(303);
        let code = browser.here.get(code.location().unwrap()).await.expect(303);
        let page = handed_over(&client, APP, code.location().unwrap()).await;
        page.to(if lands { &uri } else { "/" });
        browser.here.post("/logout", &[]).await.to("/");
    }
});
