//! Tests in Chromium that sessions are bound to its key: after each way to sign in, over restarts and changes of the password, and not
//! where browser or operator do without.

use std::sync::Arc;

use tempfile::TempDir;

use crate::support::{
    bound_site::{BIND, BOUND, BoundSite, REFRESH, of_kind},
    tls_front::PathRule,
    virtual_authenticator::VirtualAuthenticator,
    *,
};

const NEW: &str = "copper-lantern-17-orchid";

/// The paths whose answers offered to bind the session.
fn offers(site: &BoundSite) -> Vec<String> {
    let requests = site.front.all_requests().into_iter();
    let offering = requests.filter(|request| request.answer.get("secure-session-registration").is_some());
    offering.map(|request| format!("{} {}", request.method, request.path())).collect()
}

/// Expires the cookie and opens a page; asserts that the browser has proven its key for it.
async fn assert_refreshed(site: &BoundSite, browser: &Browser) {
    let before = site.front.requests(REFRESH).len();
    browser.delete_cookie(BOUND).await;
    browser.goto("/sessions").await;
    browser.wait_for("This device").await;
    assert_eq!(site.front.answered(REFRESH, before + 1).await.status, Some(200));
    assert!(browser.cookie(BOUND).await.is_some());
}

on_both_stacks!(page_after_sign_in_waits_for_no_binding, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.browser().await;
    site.front.set(BIND, PathRule::Hold);
    site.fill_in(&browser, &ada, false).await;
    browser.wait_for(&ada.email).await;
    site.front.asked(BIND, 1).await;
    browser.goto("/sessions").await;
    browser.wait_for("This device").await;
    assert_eq!(browser.cookie(BOUND).await, None);

    site.front.set(BIND, PathRule::Pass);
    site.is_bound(&browser, 1).await;
    let cookie = site.front.requests(REFRESH)[0].answer.cookie(BOUND).unwrap();
    let mut attributes = cookie.attributes;
    attributes.sort();
    let expected = [("httponly", ""), ("max-age", "600"), ("path", "/"), ("samesite", "Lax"), ("secure", "")];
    assert_eq!(attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let events = eventually(|| async {
        Some(of_kind(&browser.binding_events().await, "creation")).filter(|events| !events.is_empty())
    })
    .await;
    assert!(events.len() == 1 && events[0]["succeeded"] == true, "{events:#?}");
    assert_eq!(offers(&site), ["POST /login"]);
    // Browsers refresh with each request when the cookie's attributes are not those that they were told.
    browser.goto("/profile").await;
    browser.wait_for(&ada.email).await;
    assert_eq!(site.front.requests(REFRESH).len(), 1);
    assert_refreshed(&site, &browser).await;
});

on_both_stacks!(new_account_and_passkey_bind_sessions_too, |stack| async {
    let site = BoundSite::start(stack).await;
    let ada = Person::new("Ada Lovelace");
    site.app.suppose_set_up().await;
    let browser = site.browser().await;
    browser.goto("/register").await;
    browser.fill(&[("name", &ada.name), ("email", &ada.email)]).await;
    browser.fill(&[("password", &ada.password), ("password_confirmation", &ada.password)]).await;
    browser.submit("/register").await;
    browser.wait_for_path("/profile").await;
    site.is_bound(&browser, 1).await;
    assert_refreshed(&site, &browser).await;

    let _authenticator = VirtualAuthenticator::add(&browser).await;
    browser.goto("/security").await;
    browser.click("Add a passkey").await;
    browser.fill(&[("name", "My laptop")]).await;
    browser.click("Add a passkey").await;
    browser.wait_for("Keep these codes").await;
    browser.click("I have kept them").await;
    browser.wait_for("My laptop").await;
    browser.click("Sign out").await;
    browser.wait_for("You are signed out").await;
    // A script sends what the passkey has signed.
    browser.goto("/login").await;
    browser.wait_for_path("/profile").await;
    site.is_bound(&browser, 2).await;
    assert_refreshed(&site, &browser).await;
});

on_both_stacks!(binding_lives_over_restarts_of_browser_and_servers, |stack| async {
    let mut site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let profile = Arc::new(TempDir::new().unwrap());
    let browser = site.browser_in(&profile).await;
    site.fill_in(&browser, &ada, true).await;
    site.is_bound(&browser, 1).await;
    browser.close().await;
    site.app.restart().await;
    site.second.terminate();
    site.second.restart();
    site.front.lead_to(site.app.addr());

    let browser = site.browser_in(&profile).await;
    browser.goto("/sessions").await;
    browser.wait_for("This device").await;
    let before = site.front.requests(REFRESH).len();
    browser.delete_cookie(BOUND).await;
    browser.goto("/profile").await;
    browser.wait_for(&ada.email).await;
    // The browser asks for a challenge first, where it kept none.
    let refreshes = site.front.requests(REFRESH).split_off(before);
    let statuses: Vec<_> = refreshes.iter().map(|refresh| refresh.status.unwrap()).collect();
    assert!(statuses == [403, 200] || statuses == [200], "{refreshes:#?}");
    site.front.lead_to(site.second.addr());
    assert_refreshed(&site, &browser).await;
    assert_eq!(site.front.requests(BIND).len(), 1);
});

on_both_stacks!(binding_lives_over_change_of_password, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    browser.fill(&[("current_password", &ada.password), ("password_confirmation", NEW)]).await;
    let new =
        "document.querySelector(\"form[action='/profile/password'] [name='password']\").value = arguments";
    browser.evaluate(&new.replace("arguments", &format!("'{NEW}'"))).await;
    browser.submit("/profile/password").await;
    browser.wait_for("password").await;
    eventually(|| async {
        site.front.requests("/profile/password").iter().any(|sent| sent.status == Some(303))
    })
    .await;
    assert_refreshed(&site, &browser).await;
    assert_eq!((site.front.requests(BIND).len(), offers(&site).len()), (1, 1));
});

on_both_stacks!(browser_without_keys_stays_as_it_is, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.browser_without_keys().await;
    site.fill_in(&browser, &ada, false).await;
    browser.goto("/sessions").await;
    browser.wait_for("This device").await;
    browser.goto("/profile").await;
    browser.fill(&[("name", "Ada King")]).await;
    browser.submit("/profile").await;
    eventually(|| async { site.app.name_of(&ada) == "Ada King" }).await;
    assert_eq!(offers(&site), ["POST /login"]);
    assert_eq!(site.front.requests(BIND).len(), 0);
    assert_eq!(browser.cookie(BOUND).await, None);
});

on_both_stacks!(binding_turned_off_leaves_everybody_signed_in, |stack| async {
    let mut site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    site.app.restart_with(&[("SESSION_BINDING", "off")]).await;
    site.front.lead_to(site.app.addr());
    let before = site.front.requests(REFRESH).len();
    browser.delete_cookie(BOUND).await;
    for path in ["/sessions", "/profile"] {
        browser.goto(path).await;
        browser.wait_for("Ada Lovelace").await;
        assert_eq!(browser.path().await, path);
    }
    // The browser was told once that there is nothing to prove any more.
    let refreshes = site.front.requests(REFRESH).split_off(before);
    assert!(refreshes.len() == 1 && refreshes[0].status == Some(200), "{refreshes:#?}");
    let before = offers(&site).len();
    let other = site.browser().await;
    site.fill_in(&other, &ada, false).await;
    assert_eq!(offers(&site).len(), before);
});

on_both_stacks!(lost_answer_to_registration_signs_nobody_out, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.browser().await;
    site.front.set(BIND, PathRule::LoseAnswer);
    site.fill_in(&browser, &ada, false).await;
    site.front.answered(BIND, 1).await;
    let told = site.front.requests(BIND);
    assert_eq!(told[0].status, Some(200), "{told:#?}");
    // The browser takes the session for one that is not bound. (Where it had opened the connection before, it sends the same once more.)
    site.app.age_bindings();
    for path in ["/sessions", "/profile"] {
        browser.goto(path).await;
        browser.wait_for("Ada Lovelace").await;
        assert_eq!(browser.path().await, path);
    }
    assert_eq!(site.front.requests(REFRESH).len(), 0);
});
