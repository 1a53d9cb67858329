//! Tests in Chromium what becomes of requests when the cookie of a bound session has expired: they are held while the browser proves its
//! key, and go on, or fail without signing anybody out.

use crate::support::{
    bound_site::{BOUND, BoundSite, REFRESH, of_kind},
    tls_front::PathRule,
    *,
};

on_both_stacks!(expired_cookie_holds_requests_for_one_refresh, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;

    let page = site.holds(&browser, "location.assign('/sessions')", "GET", "/sessions").await;
    assert!(page.status == Some(200) && page.request.has_cookie(BOUND), "{page:#?}");
    browser.wait_for("This device").await;

    let fetch = "fetch('/auth/me').then(me => me.json()).then(me => document.title = me.user.email)";
    let call = site.holds(&browser, fetch, "GET", "/auth/me").await;
    assert!(call.status == Some(200) && call.request.has_cookie(BOUND), "{call:#?}");
    eventually(|| async { browser.evaluate("return document.title").await == ada.email }).await;

    // Bodies are sent unchanged, by a form and by a script.
    browser.goto("/profile").await;
    browser.fill(&[("name", "Ada King")]).await;
    let send = "document.querySelector(\"form[action='/profile']\").requestSubmit()";
    let form = site.holds(&browser, send, "POST", "/profile").await;
    assert!(form.status == Some(303) && form.request.has_cookie(BOUND), "{form:#?}");
    assert_eq!(site.app.name_of(&ada), "Ada King");
    browser.wait_for("Ada King").await;
    let put = "fetch('/auth/profile', { method: 'PUT', headers: { 'Content-Type': 'application/json' }, \
        body: JSON.stringify({ name: 'Augusta Ada King' }) })";
    let call = site.holds(&browser, put, "PUT", "/auth/profile").await;
    assert!(call.status == Some(200) && call.request.has_cookie(BOUND), "{call:#?}");
    assert_eq!(site.app.name_of(&ada), "Augusta Ada King");

    let stream = "fetch('/session/events').then(stream => document.title = stream.status)";
    let stream = site.holds(&browser, stream, "GET", "/session/events").await;
    assert!(stream.status == Some(200) && stream.request.has_cookie(BOUND), "{stream:#?}");
    let skipped = site.front.all_requests();
    assert!(skipped.iter().all(|request| request.request.get("secure-session-skipped").is_none()));
    let proofs = site.front.requests(REFRESH);
    let mut proofs: Vec<_> =
        proofs.iter().map(|refresh| refresh.request.get("secure-session-response").unwrap()).collect();
    let count = proofs.len();
    proofs.sort_unstable();
    proofs.dedup();
    assert_eq!(proofs.len(), count, "each refresh has a proof of its own");
});

on_both_stacks!(open_stream_hears_of_end_after_the_cookie_expired, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, elsewhere) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    eventually(|| async {
        site.front.requests("/session/events").iter().any(|stream| stream.status == Some(200))
    })
    .await;
    let before = site.front.requests(REFRESH).len();
    browser.delete_cookie(BOUND).await;
    elsewhere.post(&format!("/sessions/{}/end", site.bound_id()), &[]).await.to("/sessions");
    browser.wait_for("You were signed out from another device.").await;
    assert_eq!(site.front.requests(REFRESH).len(), before);
});

on_both_stacks!(refresh_that_fails_signs_nobody_out, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    let id = site.bound_id();
    for (rule, reason) in [(PathRule::Fail, "server_error"), (PathRule::Cut, "unreachable")] {
        site.front.set(REFRESH, rule);
        browser.delete_cookie(BOUND).await;
        browser.goto("/sessions").await;
        assert_eq!(browser.path().await, "/sessions", "nobody is led to sign in");
        let page = site.front.requests("/sessions").pop().unwrap();
        let skipped = format!("{reason};session_identifier=\"{id}\"");
        assert_eq!(page.request.get("secure-session-skipped"), Some(&*skipped));
        assert_eq!(page.status, Some(503), "{page:#?}");
        assert!(page.answer.get("retry-after").is_some() && page.answer.all("set-cookie").is_empty());
        let call = "return fetch('/auth/me').then(me => me.status)";
        assert_eq!(browser.evaluate(call).await, 503);
        assert_eq!(site.app.end_reason(&id), None);

        site.front.set(REFRESH, PathRule::Pass);
        browser.goto("/sessions").await;
        browser.wait_for("This device").await;
        assert!(browser.cookie(BOUND).await.is_some());
    }
    assert!(of_kind(&browser.binding_events().await, "termination").is_empty());
});

on_both_stacks!(second_instance_refreshes_what_the_first_one_bound, |stack| async {
    let mut site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    // The challenge for each refresh is one of the other instance.
    for instance in [site.second.addr(), site.app.addr(), site.second.addr()] {
        let before = site.front.requests(REFRESH).len();
        site.front.lead_to(instance);
        browser.delete_cookie(BOUND).await;
        browser.goto("/sessions").await;
        browser.wait_for("This device").await;
        let refreshes = site.front.requests(REFRESH).split_off(before);
        assert!(refreshes.len() == 1 && refreshes[0].status == Some(200), "{refreshes:#?}");
    }

    site.second.kill();
    browser.delete_cookie(BOUND).await;
    let before = site.front.requests(REFRESH).len();
    // Nothing answers the page either; where it does not load, WebDriver says so.
    let _ = browser.client().goto(&site.front.origin("login.example.org")).await;
    site.front.asked(REFRESH, before + 1).await;
    site.front.lead_to(site.app.addr());
    browser.goto("/sessions").await;
    browser.wait_for("This device").await;
});
