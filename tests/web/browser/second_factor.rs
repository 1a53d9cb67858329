//! Setting up an authenticator app and signing in with it in Chromium, wide and narrow, light and dark.

use fantoccini::key::Key;

use super::new_browsers::check;
use crate::support::{authenticator::Authenticator, *};

/// Sets an authenticator app up from the profile on.
async fn set_up(browser: &Browser, variant: &str) -> Authenticator {
    browser.click("How you sign in").await;
    browser.wait_for("Your password alone is enough to sign in").await;
    check(browser, &format!("security-off-{variant}")).await;
    browser.click("Set up an authenticator app").await;
    browser.wait_for("Scan the picture").await;
    check(browser, &format!("authenticator-{variant}")).await;
    let key = browser.evaluate("return document.getElementById('totp-key').textContent").await;
    let authenticator = Authenticator::with_key(key.as_str().unwrap());
    browser.fill(&[("code", &authenticator.code())]).await;
    browser.submit("/security/totp").await;
    browser.wait_for("Keep these codes").await;
    check(browser, &format!("recovery-codes-{variant}")).await;
    browser.click("I have kept them").await;
    browser.wait_for("10 of 10 are left").await;
    check(browser, &format!("security-on-{variant}")).await;
    authenticator
}

on_both_stacks!(browser_sets_up_an_authenticator_app_and_signs_in_with_it, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for (variant, builder) in Browser::looks(&app) {
        let browser = builder.open().await;
        app.run_script("DELETE FROM authenticators; UPDATE users SET second_factor = FALSE");
        let sign_in = || async {
            browser.goto("/login").await;
            browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
            browser.submit("/login").await;
        };
        sign_in().await;
        browser.wait_for_path("/profile").await;
        let authenticator = set_up(&browser, variant).await;

        app.forget_used_codes();
        browser.click("Sign out").await;
        browser.wait_for("You are signed out").await;
        sign_in().await;
        browser.wait_for("Your password is right").await;
        check(&browser, &format!("second-step-{variant}")).await;
        browser.fill(&[("code", "000000")]).await;
        browser.submit("/login/verify").await;
        browser.wait_for("That code is wrong").await;
        check(&browser, &format!("second-step-wrong-{variant}")).await;
        browser.fill(&[("code", &authenticator.code())]).await;
        browser.click("Trust this browser for 30 days").await;
        browser.submit("/login/verify").await;
        browser.wait_for_path("/profile").await;
        browser.goto("/security").await;
        browser.wait_for("Ask everywhere again").await;
        check(&browser, &format!("security-trusted-{variant}")).await;
    }
});

/// Goes to a link with the tab key, and follows it.
async fn follow(browser: &Browser, text: &str) {
    let focused = "return (document.activeElement.textContent ?? '').trim()";
    for _ in 0..40 {
        if browser.evaluate(focused).await == text {
            return browser.press(&String::from(char::from(Key::Enter))).await;
        }
        browser.press(&String::from(char::from(Key::Tab))).await;
    }
    panic!("the tab key does not reach {text}");
}

on_both_stacks!(browser_sets_up_a_required_second_factor_and_goes_on, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "everyone").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for (variant, builder) in Browser::looks(&app) {
        let browser = builder.open().await;
        app.run_script("DELETE FROM authenticators; UPDATE users SET second_factor = FALSE");
        browser.goto("/members").await;
        browser.wait_for_path("/login?next=%2Fmembers").await;
        browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
        browser.submit("/login").await;
        browser.wait_for("Set one up to go on").await;
        check(&browser, &format!("security-required-{variant}")).await;
        follow(&browser, "Set up an authenticator app").await;
        browser.wait_for("Scan the picture").await;
        let key = browser.evaluate("return document.getElementById('totp-key').textContent").await;
        let code = Authenticator::with_key(key.as_str().unwrap()).code();
        browser.fill(&[("code", &format!("{code}{}", char::from(Key::Enter)))]).await;
        browser.wait_for("Keep these codes").await;
        follow(&browser, "I have kept them").await;
        browser.wait_for_path("/members").await;
    }
});
