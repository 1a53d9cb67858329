//! Tests the site in Chromium as users operate it.

use fantoccini::Locator;

use crate::support::*;

const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/18.4 Safari/605.1.15";

/// Signs in with the form and waits for the profile.
async fn sign_in(browser: &Browser, person: &Person) {
    browser.goto("/login").await;
    browser.fill(&[("email", &person.email), ("password", &person.password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
}

async fn count(browser: &Browser, css: &str) -> usize {
    browser.client().find_all(Locator::Css(css)).await.unwrap().len()
}

on_both_stacks!(browser_ends_session_of_second_browser, |stack| async {
    let app = TestApp::start(stack).await;
    let ada = Person::new("Ada Lovelace");

    let first = Browser::open(&app).await;
    first.goto("/").await;
    first.click("Create account").await;
    first.wait_for_path("/register").await;
    let password = ada.password.as_str();
    let passwords = [("password", password), ("password_confirmation", password)];
    first.fill(&[("name", "Ada Lovelace"), ("email", &ada.email)]).await;
    first.fill(&passwords).await;
    first.submit("/register").await;
    first.wait_for_path("/profile").await;
    first.wait_for("Your account is ready").await;

    let second = Browser::builder(&app).user_agent(SAFARI).open().await;
    sign_in(&second, &ada).await;
    for browser in [&first, &second] {
        browser.click("My sessions").await;
        browser.wait_for_path("/sessions").await;
        browser.wait_for("Safari 18 on macOS").await;
        assert_eq!(count(browser, ".session").await, 2);
        let this_one = browser.client().find(Locator::Css(".session:first-child h2")).await.unwrap();
        assert!(this_one.text().await.unwrap().contains("This device"), "this device comes first");
    }

    first.click_beside("Safari 18 on macOS", "End session").await;
    first.wait_for("The session was ended.").await;
    assert_eq!(count(&first, ".session").await, 1);
    second.wait_for("You were signed out from another device.").await;
    second.click("Sign in again").await;
    second.wait_for_path("/login?next=%2Fsessions").await;
    second.fill(&[("email", &ada.email), ("password", &ada.password)]).await;
    second.submit("/login").await;
    second.wait_for_path("/sessions").await;
});

on_both_stacks!(browser_admin_ends_found_session_with_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    app.person("Alan Turing").await;
    let grace = Person::new("Grace Hopper");
    grace.register(&app.client()).await;
    app.make_admin(&grace);
    let user_browser = Browser::builder(&app).user_agent(SAFARI).open().await;
    sign_in(&user_browser, &ada).await;

    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.click("Admin").await;
    admin.wait_for_path("/admin").await;
    admin.click("Sessions").await;
    admin.wait_for("5 active sessions").await;
    admin.fill(&[("q", "lovelace")]).await;
    admin.click("Filter").await;
    admin.wait_for("2 active sessions found").await;
    admin.hover("tbody tr:first-child").await;
    admin.click_beside("Safari 18 on macOS", "End").await;
    admin.press("\t").await;
    admin.press("Reported as stolen").await;
    admin.click_beside("Safari 18 on macOS", "End session").await;
    admin.wait_for("The session was ended.").await;

    user_browser.wait_for("You were signed out by an administrator: Reported as stolen").await;
    user_browser.click("Sign in again").await;
    user_browser.wait_for_path("/login?next=%2Fprofile").await;
    let id = app.session_in("Safari");
    admin.goto(&format!("/admin/sessions/{id}")).await;
    admin.wait_for("Reported as stolen").await;
    let page = admin.text().await;
    assert!(page.contains("Ended by an administrator: Reported as stolen"), "{page}");
    assert!(page.contains("by Grace Hopper") && !page.contains("ended_by_admin"), "{page}");
});

on_both_stacks!(browser_back_after_logout_shows_login, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    browser.wait_for(&ada.email).await;
    browser.click("Sign out").await;
    browser.wait_for("You are signed out.").await;
    browser.client().back().await.unwrap();
    browser.wait_for_path("/login?next=%2Fprofile").await;
    let page = browser.text().await;
    assert!(!page.contains(&ada.email) && !page.contains("Ada"), "{page}");
});

#[actix_web::test]
async fn browser_show_password_toggles_field() {
    let app = TestApp::start(Stack::Sqlite).await;
    let browser = Browser::open(&app).await;
    browser.goto("/login").await;
    browser.fill(&[("email", "ada@example.org"), ("password", "correct horse")]).await;
    let state = "const field = document.querySelector('[name=password]'); \
        return [field.type, field.value, document.querySelector('.reveal').getAttribute('aria-pressed')].join()";
    assert_eq!(browser.evaluate(state).await, "password,correct horse,false");
    browser.click("Show password").await;
    assert_eq!(browser.evaluate(state).await, "text,correct horse,true");
    browser.click("Show password").await;
    assert_eq!(browser.evaluate(state).await, "password,correct horse,false");
}

#[actix_web::test]
async fn browser_account_deletion_asks_confirmation() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    let field = browser.client().find(Locator::Css("#delete-current")).await.unwrap();
    field.send_keys(&ada.password).await.unwrap();

    browser.submit("/profile/delete").await;
    browser.wait_for("Delete your account?").await;
    let focus = "return document.querySelector('dialog').contains(document.activeElement)";
    assert_eq!(browser.evaluate(focus).await, true, "the focus is in the dialog");
    browser.click("Cancel").await;
    eventually(|| async { count(&browser, "dialog").await == 0 }).await;
    assert_eq!(app.user_count(), 1);

    browser.submit("/profile/delete").await;
    browser.wait_for("Delete your account?").await;
    let yes = browser.client().find(Locator::Css("dialog .danger")).await.unwrap();
    yes.click().await.unwrap();
    browser.wait_for("Your account and all its sessions are gone.").await;
    assert_eq!(app.user_count(), 0);
}

#[actix_web::test]
async fn browser_focus_moves_to_first_invalid_field() {
    let app = TestApp::start(Stack::Sqlite).await;
    let browser = Browser::open(&app).await;
    browser.goto("/register").await;
    browser.fill(&[("name", "Ada"), ("email", "nonsense")]).await;
    browser.submit("/register").await;
    browser.wait_for("Error:").await;
    assert_eq!(browser.evaluate("return document.activeElement.name").await, "email");
    assert_eq!(browser.evaluate("return document.querySelector('[name=name]').value").await, "Ada");
}
