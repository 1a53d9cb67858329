//! Tests what somebody tries who wants to be somebody else at a site with a cookie of its own, or to lead people elsewhere.

use reqwest::Method;

use crate::support::{guarded_sites::*, *};

on_both_stacks!(site_code_works_once_on_all_instances, |stack| async {
    let app = builder(stack).start().await;
    let second = app.second_instance().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let code = browser.code(APP, "/x").await;
    let state = browser.app.copy();
    handed_over(&browser.app, APP, &code).await.to("/x");
    // With the same state, before the browser gave it up.
    for instance in [&second, &app] {
        let again = state.at(instance);
        let page = handed_over(&again, APP, &code).await.expect(400).has("works once");
        assert_page(&page);
        assert_eq!(page.attributes(".error-page a.primary", "href"), ["/x"]);
        assert_eq!(page.set_cookies(), []);
    }
    // Whoever is known is led on, and gets nothing.
    let again = handed_over(&browser.app, APP, &code).await.to("/x");
    assert_eq!(again.set_cookies(), []);
    assert_eq!(app.site_cookie_count(), 1);
    assert_eq!(app.used_code_count(), 1);
    app.age_used_codes();
    // An instance that starts sweeps at once.
    let _third = app.second_instance().await;
    eventually(|| async { app.used_code_count() == 0 }).await;
});

on_both_stacks!(site_codes_of_one_session_are_few, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let (_, other) = Visitor::signed_in(&app, "Grace Hopper").await;
    app.use_many_codes(&app.session_of(&ada));
    let code = browser.code(APP, "/x").await;
    handed_over(&browser.app, APP, &code).await.expect(400);
    assert_eq!(app.used_code_count(), 100);
    other.open(APP, "/x").await.expect(200);
});

on_both_stacks!(site_code_is_of_one_browser, |stack| async {
    let app = builder(stack).start().await;
    let (_, mallory) = Visitor::signed_in(&app, "Mallory").await;
    let (_, victim) = Visitor::signed_in(&app, "Ada Lovelace").await;
    // Mallory's code in the victim's browser, which has no state, and one that has another one.
    for prepared in [false, true] {
        if prepared {
            victim.code(APP, "/").await;
        }
        let code = mallory.code(APP, "/x").await;
        let page = handed_over(&victim.app, APP, &code).await.expect(400).has("one browser");
        assert_eq!(page.set_cookies(), []);
        victim.verify(APP).await.problem(401);
        // It was shown to somebody else: nobody can use it now.
        handed_over(&mallory.app, APP, &code).await.expect(400);
    }
    // The victim's code for Mallory's state.
    let state = handed_over(&mallory.app, APP, "/.gatehouse/sign-in?next=%2F").await.expect(303);
    let code = victim.here.get(state.location().unwrap()).await.expect(303).location().unwrap().to_owned();
    handed_over(&victim.app, APP, &code).await.expect(400);
    handed_over(&mallory.app, APP, &code).await.expect(400);
    mallory.verify(APP).await.problem(401);
    assert_eq!(app.site_cookie_count(), 0);
});

on_both_stacks!(site_code_is_of_one_site, |stack| async {
    let app = builder(stack).start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let code = browser.code(APP, "/x").await;
    browser.code(WIKI, "/x").await;
    handed_over(&browser.wiki, WIKI, &code).await.expect(400);
    // The state of one site at the other.
    let state = browser.app.cookies().remove(0);
    browser.wiki.set_cookie("__Host-gatehouse-site-state-8443", &state.value);
    handed_over(&browser.wiki, WIKI, &code).await.expect(400);
    let mut tampered = code.clone();
    let last = if tampered.pop() == Some('A') { 'B' } else { 'A' };
    tampered.push(last);
    for wrong in [tampered.as_str(), "/.gatehouse/callback", "/.gatehouse/callback?code=x"] {
        handed_over(&browser.app, APP, wrong).await.expect(400);
    }
    handed_over(&browser.app, APP, &code).await.to("/x");
});

on_both_stacks!(site_code_of_ended_session_gives_nothing, |stack| async {
    let app = builder(stack).start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let code = browser.code(APP, "/x").await;
    browser.here.post("/logout", &[]).await.to("/");
    let back = handed_over(&browser.app, APP, &code).await.to("/x");
    assert_eq!(back.set_cookies(), []);
    let (grace, other) = Visitor::signed_in(&app, "Grace Hopper").await;
    let code = other.code(APP, "/x").await;
    app.deactivate(&grace);
    let back = handed_over(&other.app, APP, &code).await.to("/x");
    assert_eq!(back.set_cookies(), []);
    assert_eq!(app.site_cookie_count(), 0);
});

on_both_stacks!(site_cookie_is_of_no_use_elsewhere, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    let (site, session) =
        (browser.cookie(APP).unwrap().value, browser.here.cookie(SESSION_COOKIE).unwrap().value);
    for (name, value) in [
        (SITE_COOKIE, &site),
        (WIKI_COOKIE, &site),
        (SESSION_COOKIE, &site),
        (WIKI_COOKIE, &session),
        (SESSION_COOKIE, &session),
    ] {
        let thief = app.client();
        thief.set_cookie(name, value);
        ask(&thief, WIKI, "/", "").send().await.problem(401);
        if name != SESSION_COOKIE || value == &site {
            thief.get("/profile").await.to("/login?next=%2Fprofile");
            thief.get("/auth/me").await.problem(401);
            thief.get("/auth/verify").await.problem(401);
            assert_eq!(thief.get("/auth/session").await.json()["authenticated"], false);
            handed_over(&thief, WIKI, "/.gatehouse/sign-out").await.expect(200).has("You are signed out");
        }
    }
    // The session's own cookie counts for no other site, whoever has set it there.
    let tossed = app.client();
    tossed.set_cookie(SESSION_COOKIE, &session);
    ask(&tossed, APP, "/", "").send().await.problem(401);
    for path in ["/auth/me", "/auth/verify"] {
        app.client().with_token(Method::GET, path, &site).send().await.problem(401);
    }
    // A token counts there, but not beside a cookie.
    let token = ada.take_token(&app).await;
    let bearer = format!("Bearer {token}");
    ask(&app.client(), APP, "/", "").header("authorization", &bearer).send().await.expect(200);
    ask(&browser.app, APP, "/", "").header("authorization", &bearer).send().await.problem(400);
    // Nor does the cookie count where no trusted proxy says which site it is for.
    let untrusting = app.instance_with(&[("TRUSTED_PROXIES", "192.0.2.1")]).await;
    browser.at(&untrusting).verify(APP).await.problem(401);
    browser.app.get("/auth/verify").await.problem(401);
});

on_both_stacks!(site_is_named_by_trusted_proxies_alone, |stack| async {
    let app = builder(stack).start().await;
    let (_, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    let untrusting = app.instance_with(&[("TRUSTED_PROXIES", "192.0.2.1")]).await;
    let path = "/.gatehouse/sign-in?next=%2F";
    handed_over(&browser.app, APP, path).await.expect(303);
    handed_over(&browser.app.at(&untrusting), APP, path).await.expect(421);
    for host in ["evil.example", "app.example.net:81", "wiki.example.com", "app.example.net.evil.example"] {
        handed_over(&browser.app, host, path).await.expect(421);
    }
    let forwarded = browser.app.request(Method::GET, path).header("x-forwarded-host", APP);
    forwarded.send().await.expect(404);
    // Nothing else is answered there.
    for path in ["/login", "/profile", "/", "/.gatehouse", "/%2egatehouse/sign-in", "/auth/me"] {
        handed_over(&browser.here, APP, path).await.expect(421);
    }
    for path in ["/.gatehouse/", "/.gatehouse/verify", "/.gatehouse/../login", "/.gatehouse/profile"] {
        let answer = handed_over(&browser.here, APP, path).await;
        assert!(matches!(answer.status, 404 | 421), "{}", answer.summary());
    }
    for path in ["/.gatehouse/sign-in", "/.gatehouse/callback"] {
        let form = browser.app.request(Method::POST, path).header("host", APP).without_origin();
        assert!(matches!(form.send().await.status, 303 | 404 | 405));
    }
});

on_both_stacks!(site_whose_proxy_hands_nothing_over_is_told_so, |stack| async {
    let app = builder(stack).start().await;
    let client = app.client();
    for query in ["", "?redirect=1"] {
        let asked = ask(&client, APP, "/.gatehouse/sign-in?next=%2F", query).send().await;
        assert_eq!(asked.location(), None, "nobody is sent in a circle");
        let problem = asked.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("hand over"), "{problem}");
    }
    ask(&client, APP, "/.gatehousex", "").send().await.problem(401);
});

on_both_stacks!(site_leads_to_its_own_pages_alone, |stack| async {
    let app = builder(stack).start().await;
    let (ada, browser) = Visitor::signed_in(&app, "Ada Lovelace").await;
    browser.open(APP, "/").await.expect(200);
    let evil = [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "/.gatehouse/sign-out",
        "app.example.net",
    ];
    for next in evil {
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let known = handed_over(&browser.app, APP, &format!("/.gatehouse/sign-in?next={query}")).await;
        let expected = if next.starts_with("/%09") { "/%09/evil.example" } else { "/" };
        known.to(expected);
        let state = "0".repeat(64);
        let here = browser.here.get(&format!("/site-sign-in?site={WIKI}&state={state}&next={query}")).await;
        let there = format!("https://{WIKI}/.gatehouse/callback?code=");
        assert!(here.expect(303).location().unwrap().starts_with(&there));
    }
    let state = "0".repeat(64);
    for site in
        ["evil.example", "app.example.net:81", "app.example.net@evil.example", "login.example.org", ""]
    {
        let query: String = url::form_urlencoded::byte_serialize(site.as_bytes()).collect();
        browser.here.get(&format!("/site-sign-in?site={query}&state={state}&next=%2F")).await.expect(404);
    }
    for state in ["", "short", &"g".repeat(64), &"0".repeat(65)] {
        browser.here.get(&format!("/site-sign-in?site={APP}&state={state}&next=%2F")).await.expect(400);
    }
    for next in ["http://app.example.net/", "https://app.example.net:81/", "https://ada@app.example.net/"] {
        let fields = [("email", ada.email.as_str()), ("password", PASSWORD), ("next", next)];
        app.client().post("/login", &fields).await.to("/profile");
    }
});
