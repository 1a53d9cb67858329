//! Tests in Chromium that cookies of one name and a new session key keep nobody out, and that other sites can't set ours.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

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

on_both_stacks!(sister_site_signs_nobody_in_as_its_own_user, |stack| async {
    let (site, sister) = ("login.site.localhost", "sister.site.localhost");
    let app = TestApp::builder(stack).var("BASE_URL", format!("https://{site}")).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, attacker) = app.person("Mallory").await;
    let mine = attacker.cookie("__Host-gatehouse").unwrap().value;
    let flash = URL_SAFE_NO_PAD.encode("\"SetUp\"");
    let browser = Browser::builder(&app).host(site).open().await;
    sign_in(&browser, &ada).await;
    browser.client().goto(&app.url("/").replace("127.0.0.1", sister)).await.unwrap();
    let mut set = 0;
    for before in [
        "%5F%5FHost-",
        "__%48ost-",
        "\\u2000__Host-",
        "\\u00a0__Host-",
        "\\u3000__Host-",
        "\\t__Host-",
        "__Host-",
    ] {
        for (name, value) in [("gatehouse", &mine), ("gatehouse-notice", &flash)] {
            // Browsers send the cookie of the longer path first.
            let cookie = format!("'{before}{name}={value}; domain=site.localhost; path=/profile; secure'");
            browser.evaluate(&format!("document.cookie = {cookie}")).await;
            let kept = browser.client().get_all_cookies().await.unwrap().len();
            browser.client().goto(&app.url("/profile").replace("127.0.0.1", sister)).await.unwrap();
            set = kept.max(set).max(browser.client().get_all_cookies().await.unwrap().len());
            browser.goto("/profile").await;
            browser.wait_for(&ada.email).await;
            assert!(!browser.text().await.contains("The site is set up"), "{before}");
            browser.client().goto(&app.url("/").replace("127.0.0.1", sister)).await.unwrap();
        }
    }
    assert!(set >= 4, "the browser took {set} of the sister's cookies");
});

on_both_stacks!(changed_cookie_domain_keeps_nobody_out, |stack| async {
    const HOST: &str = "login.site.localhost";
    let app = TestApp::builder(stack).var("BASE_URL", format!("http://{HOST}")).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let mut browser = Browser::builder(&app).host(HOST).open().await;
    browser.goto("/login").await;
    browser.toggle("remember").await;
    browser.fill(&[("email", &ada.email), ("password", &ada.password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;

    let shared = app.instance_with(&[("COOKIE_DOMAIN", "site.localhost")]).await;
    browser.goto_instance(&shared, "/profile").await;
    browser.wait_for(&ada.email).await;
    browser.evaluate("document.cookie = 'gatehouse=of-a-sister-site; domain=site.localhost; path=/'").await;
    browser.goto("/profile").await;
    browser.wait_for(&ada.email).await;

    for instance in [&shared, &app] {
        browser.goto_instance(instance, "/profile").await;
        browser.wait_for(&ada.email).await;
        browser.submit("/logout").await;
        browser.wait_for("You are signed out.").await;
        browser.goto("/profile").await;
        browser.wait_for_path("/login?next=%2Fprofile").await;
        sign_in(&browser, &ada).await;
        browser.wait_for(&ada.email).await;
    }
});
