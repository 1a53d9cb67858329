//! Tests in Chromium that bound sessions end: from elsewhere, at the sign-out, and when somebody else signs in. The browser then proves
//! nothing any more.

use crate::support::{
    bound_site::{BIND, BOUND, BoundSite, REFRESH, of_kind},
    tls_front::PathRule,
    *,
};

/// Waits until the browser has given up a bound session.
async fn gave_up(browser: &Browser, id: &str) {
    eventually(|| async {
        let events = of_kind(&browser.binding_events().await, "termination");
        events.iter().any(|event| event["sessionId"] == id)
    })
    .await;
}

on_both_stacks!(session_ended_elsewhere_is_given_up_at_its_refresh, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, elsewhere) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    let id = site.bound_id();
    elsewhere.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    browser.wait_for("You were signed out from another device.").await;
    let before = site.front.requests(REFRESH).len();
    browser.delete_cookie(BOUND).await;
    browser.goto("/profile").await;
    browser.wait_for_path("/login?next=%2Fprofile").await;
    browser.wait_for("You were signed out from another device.").await;
    let refresh = site.front.answered(REFRESH, before + 1).await;
    assert_eq!((refresh.status, refresh.answer.cookie(BOUND)), (Some(200), None), "{refresh:#?}");
    gave_up(&browser, &id).await;
    browser.goto("/profile").await;
    assert_eq!(site.front.requests(REFRESH).len(), before + 1);

    site.sign_in(&browser, &ada).await;
    assert_ne!(site.bound_id(), id);
});

on_both_stacks!(session_ended_while_the_browser_makes_its_key_is_not_bound, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, elsewhere) = site.app.person("Ada Lovelace").await;
    let browser = site.browser().await;
    site.front.set(BIND, PathRule::Hold);
    site.fill_in(&browser, &ada, false).await;
    site.front.asked(BIND, 1).await;
    elsewhere.post("/sessions/end-others", &[]).await.to("/sessions");
    site.front.set(BIND, PathRule::Pass);
    let refused = site.front.answered(BIND, 1).await;
    assert!((400..500).contains(&refused.status.unwrap()), "{refused:#?}");
    assert_eq!(refused.answer.cookie(BOUND), None, "{refused:#?}");
    browser.goto("/profile").await;
    browser.wait_for_path("/login?next=%2Fprofile").await;
    assert_eq!(site.front.requests(REFRESH).len(), 0);
    site.sign_in(&browser, &ada).await;
});

on_both_stacks!(sign_out_ends_the_binding, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    let (id, before) = (site.bound_id(), site.front.requests(REFRESH).len());
    browser.click("Sign out").await;
    browser.wait_for("You are signed out").await;
    gave_up(&browser, &id).await;
    browser.goto("/profile").await;
    browser.wait_for_path("/login?next=%2Fprofile").await;
    assert_eq!(site.front.requests(REFRESH).len(), before);
});

on_both_stacks!(sign_out_works_after_the_cookie_expired, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    browser.delete_cookie(BOUND).await;
    browser.click("Sign out").await;
    browser.wait_for("You are signed out").await;
    assert_eq!(site.app.end_reason(&site.bound_id()).as_deref(), Some("logout"));
});

on_both_stacks!(second_sign_in_leaves_one_binding_in_the_browser, |stack| async {
    let site = BoundSite::start(stack).await;
    let ((ada, _), (bob, _)) = (site.app.person("Ada Lovelace").await, site.app.person("Bob Kahn").await);
    let browser = site.bound_browser(&ada).await;
    for person in [&bob, &ada, &ada] {
        let earlier = site.bound_id();
        site.sign_in(&browser, person).await;
        let (id, before) = (site.bound_id(), site.front.requests(REFRESH).len());
        assert_ne!(id, earlier);
        browser.delete_cookie(BOUND).await;
        browser.goto("/profile").await;
        browser.wait_for(&person.email).await;
        gave_up(&browser, &earlier).await;
        let renewed = site.front.requests(REFRESH).split_off(before);
        let renewed = renewed.iter().filter(|refresh| refresh.answer.cookie(BOUND).is_some());
        let renewed: Vec<_> = renewed.map(|refresh| refresh.request.get("sec-secure-session-id")).collect();
        assert_eq!(renewed, [Some(&*id)]);

        // From now on there is one to renew.
        let before = site.front.requests(REFRESH).len();
        browser.delete_cookie(BOUND).await;
        browser.goto("/sessions").await;
        browser.wait_for("This device").await;
        assert_eq!(site.front.requests(REFRESH).len(), before + 1);
    }
});
