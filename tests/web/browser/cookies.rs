//! Tests in Chromium that cookies of one name and a new session key keep nobody out.

use super::live::sign_in;
use crate::support::*;

on_both_stacks!(stale_cookie_sent_first_does_not_lock_out, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    // Browsers send the cookie of the longer path first.
    browser.evaluate("document.cookie = 'gatehouse=stale; path=/profile'").await;
    browser.goto("/profile").await;
    browser.wait_for(&ada.email).await;
    assert_eq!(browser.path().await, "/profile");
});

on_both_stacks!(tabs_opened_while_key_rotates_show_no_sign_in_page, |stack| async {
    const TABS: usize = 6;
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    admin.post(&format!("/admin/users/{}/role", app.user_id(&ada)), &[("role", "admin")]).await.expect(303);
    browser.evaluate(&format!("for (let tab = 0; tab < {TABS}; tab++) window.open('/profile')")).await;
    let client = browser.client();
    let first = client.window().await.unwrap();
    let tabs = client.windows().await.unwrap();
    assert_eq!(tabs.len(), TABS + 1);
    for tab in tabs.into_iter().filter(|tab| *tab != first) {
        client.switch_to_window(tab).await.unwrap();
        browser.wait_for(&ada.email).await;
        assert_eq!(browser.path().await, "/profile");
    }
});
