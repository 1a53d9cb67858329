//! Passkeys in Chromium with a virtual authenticator: added, used to sign in by the list of the email field and by the button, as the
//! second step and to confirm; another browser, a removed passkey, a copy, and another address of the site.

use super::new_browsers::check;
use crate::support::{virtual_authenticator::VirtualAuthenticator, *};

/// Without it the browser offers passkeys in the list of the email field, from which a virtual authenticator chooses at once.
const NO_LIST: &str = "delete PublicKeyCredential.isConditionalMediationAvailable;";

const BUTTON: &str = "Sign in with a passkey";

async fn sign_in(browser: &Browser, person: &Person) {
    browser.goto("/login").await;
    browser.fill(&[("email", &person.email), ("password", PASSWORD)]).await;
    browser.submit("/login").await;
}

/// Adds a passkey from `/security` on.
async fn add(browser: &Browser, name: &str, variant: &str) {
    browser.goto("/security").await;
    browser.click("Add a passkey").await;
    browser.wait_for("To tell your passkeys apart").await;
    check(browser, &format!("passkey-add-{variant}")).await;
    browser.fill(&[("name", name)]).await;
    browser.click("Add a passkey").await;
    browser.wait_for("Keep these codes").await;
    browser.click("I have kept them").await;
    browser.wait_for(name).await;
    check(browser, &format!("security-passkey-{variant}")).await;
}

async fn sign_out(browser: &Browser) {
    browser.click("Sign out").await;
    browser.wait_for("You are signed out").await;
}

/// Forgets all second factors, so that the next variant starts anew.
fn forget(app: &TestApp) {
    app.run_script(
        "DELETE FROM passkeys; DELETE FROM recovery_codes; UPDATE users SET second_factor = FALSE",
    );
}

on_both_stacks!(passkey_is_added_and_signs_in_by_the_list_and_by_the_button, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for (variant, builder) in Browser::looks(&app) {
        forget(&app);
        let browser = builder.host("localhost").open().await;
        let _authenticator = VirtualAuthenticator::add(&browser).await;
        sign_in(&browser, &ada).await;
        browser.wait_for_path("/profile").await;
        add(&browser, "My laptop", variant).await;
        sign_out(&browser).await;
        browser.goto("/login?next=%2Fmembers").await;
        browser.wait_for_path("/members").await;
        browser.goto("/sessions").await;
        browser.wait_for("Passkey").await;
        sign_out(&browser).await;

        browser.run_first(NO_LIST).await;
        browser.goto("/login").await;
        browser.wait_for(BUTTON).await;
        check(&browser, &format!("login-passkey-{variant}")).await;
        browser.click(BUTTON).await;
        browser.wait_for_path("/profile").await;
    }
});

on_both_stacks!(passkey_is_the_second_step_and_confirms, |stack| async {
    let app = TestApp::builder(stack).var("CONFIRM_PASSWORD_TTL", "20s").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let [(variant, builder), ..] = Browser::looks(&app);
    let browser = builder.host("localhost").open().await;
    let authenticator = VirtualAuthenticator::add(&browser).await;
    browser.run_first(NO_LIST).await;
    sign_in(&browser, &ada).await;
    browser.wait_for_path("/profile").await;
    add(&browser, "My laptop", &format!("again-{variant}")).await;
    sign_out(&browser).await;

    sign_in(&browser, &ada).await;
    browser.wait_for("Your password is right").await;
    check(&browser, &format!("second-step-passkey-{variant}")).await;
    authenticator.set_unlocked(false).await;
    browser.click("Use a passkey").await;
    browser.wait_for("Nothing happened").await;
    authenticator.set_unlocked(true).await;
    browser.click("Use a passkey").await;
    browser.wait_for_path("/profile").await;
    browser.goto("/sessions").await;
    browser.wait_for("Password and passkey").await;

    let is_asked = eventually(|| async {
        browser.goto("/security/passkeys").await;
        browser.text().await.contains("Confirm")
    });
    is_asked.await;
    check(&browser, &format!("confirm-passkey-{variant}")).await;
    browser.click("Use a passkey").await;
    browser.wait_for("To tell your passkeys apart").await;
});

on_both_stacks!(passkey_that_was_removed_or_copied_or_is_of_another_browser_is_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let [(variant, builder), (_, other), ..] = Browser::looks(&app);
    let browser = builder.host("localhost").open().await;
    let authenticator = VirtualAuthenticator::add(&browser).await;
    browser.run_first(NO_LIST).await;
    sign_in(&browser, &ada).await;
    browser.wait_for_path("/profile").await;
    add(&browser, "My laptop", variant).await;
    sign_out(&browser).await;
    browser.goto("/login").await;
    browser.click(BUTTON).await;
    browser.wait_for_path("/profile").await;
    sign_out(&browser).await;

    // Another browser does not have it.
    let second = other.host("localhost").open().await;
    let _empty = VirtualAuthenticator::add(&second).await;
    second.run_first(NO_LIST).await;
    second.goto("/login").await;
    second.click(BUTTON).await;
    second.wait_for("there is no passkey for this site here").await;

    // A copy that has been used less often.
    let mut copy = authenticator.passkeys().await.remove(0);
    copy["signCount"] = 0.into();
    authenticator.clear().await;
    authenticator.give(&copy).await;
    browser.goto("/login").await;
    browser.click(BUTTON).await;
    browser.wait_for("it seems to have been copied").await;
    check(&browser, &format!("login-passkey-refused-{variant}")).await;
    assert_eq!(app.event_count_of("passkey_cloned"), 1);

    app.run_script("DELETE FROM passkeys");
    browser.goto("/login").await;
    browser.click(BUTTON).await;
    browser.wait_for("it was removed from your account").await;
});

on_both_stacks!(passkey_button_at_another_address_says_so, |stack| async {
    let app = TestApp::start(stack).await;
    let browser = Browser::builder(&app).open().await;
    let _authenticator = VirtualAuthenticator::add(&browser).await;
    browser.run_first(NO_LIST).await;
    browser.goto("/login").await;
    browser.click(BUTTON).await;
    browser.wait_for("Passkeys don't work at this address").await;
});

/// What the browser offers in the list of the email field is asked for without anybody's wish.
const TELL_REFUSAL: &str = "const get = navigator.credentials.get.bind(navigator.credentials); \
    navigator.credentials.get = (asked) => get(asked).catch((error) => { \
        document.documentElement.dataset.refused = error.name; throw error; });";

on_both_stacks!(passkey_list_that_cannot_be_offered_says_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let browser = Browser::builder(&app).open().await;
    let _authenticator = VirtualAuthenticator::add(&browser).await;
    browser.run_first(TELL_REFUSAL).await;
    browser.goto("/login").await;
    let refused = "return document.documentElement.dataset.refused ?? ''";
    eventually(|| async { browser.evaluate(refused).await == "SecurityError" }).await;
    let said = "return document.querySelector('[data-passkey] [aria-live]').textContent.trim()";
    assert_eq!(browser.evaluate(said).await, "");
});
