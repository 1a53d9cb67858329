//! Tests the site in Chromium without JavaScript, and with the keyboard only.

use fantoccini::{Locator, key::Key};

use crate::support::*;

const NEW_PASSWORD: &str = "quartz-lantern-58-otter";

fn keys(parts: &[&str]) -> String {
    parts.concat()
}

fn key(key: Key) -> String {
    char::from(key).to_string()
}

async fn register_and_change_profile(browser: &Browser, ada: &Person) {
    browser.goto("/register").await;
    assert_eq!(
        browser.client().find_all(Locator::Css(".reveal")).await.unwrap().len(),
        0,
        "JavaScript is disabled"
    );
    browser.fill(&[("name", &ada.name), ("email", "nonsense"), ("password", PASSWORD)]).await;
    browser.submit("/register").await;
    browser.wait_for("Error:").await;
    browser.fill(&[("email", &ada.email), ("password", PASSWORD), ("password_confirmation", PASSWORD)]).await;
    browser.submit("/register").await;
    browser.wait_for("Your account is ready").await;

    browser.fill(&[("name", "Countess Lovelace")]).await;
    browser.submit("/profile").await;
    browser.wait_for("Your name was saved.").await;
    browser.fill(&[("current_password", PASSWORD), ("password", NEW_PASSWORD)]).await;
    browser.fill(&[("password_confirmation", NEW_PASSWORD)]).await;
    browser.submit("/profile/password").await;
    browser.wait_for("Your password was changed.").await;
}

async fn sign_in_and_delete_account(browser: &Browser, ada: &Person) {
    browser.click("Sign out").await;
    browser.wait_for("You are signed out.").await;
    browser.goto("/login").await;
    browser.fill(&[("email", &ada.email), ("password", "wrong")]).await;
    browser.submit("/login").await;
    browser.wait_for("Email or password is incorrect.").await;
    browser.fill(&[("password", NEW_PASSWORD)]).await;
    browser.toggle("remember").await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    let delete = browser.client().find(Locator::Css("#delete-current")).await.unwrap();
    delete.send_keys(NEW_PASSWORD).await.unwrap();
    browser.submit("/profile/delete").await;
    browser.wait_for("Your account and all its sessions are gone.").await;
}

async fn find_and_end_session(browser: &Browser, admin: &Person) {
    browser.goto("/login").await;
    browser.fill(&[("email", &admin.email), ("password", &admin.password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    browser.goto("/admin/sessions").await;
    browser.fill(&[("q", "turing")]).await;
    browser.submit("/admin/sessions").await;
    browser.wait_for("1 active session found").await;
    browser.hover("tbody tr").await;
    browser.click("End the session of Alan Turing on Firefox 140 on Linux…").await;
    let reason = browser.client().find(Locator::Css("tbody details[open] [name=reason]")).await.unwrap();
    reason.send_keys("Left the company").await.unwrap();
    browser.click_beside("Alan Turing", "End session").await;
    browser.wait_for("The session was ended.").await;
}

on_both_stacks!(browser_forms_work_without_javascript, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let ada = Person::new("Ada Lovelace");
    let browser = Browser::builder(&app).without_javascript().open().await;

    register_and_change_profile(&browser, &ada).await;
    let ada = Person { password: NEW_PASSWORD.to_owned(), ..ada };
    for _ in 0..2 {
        ada.sign_in(&app.client()).await;
    }
    browser.goto("/sessions").await;
    browser.click_beside("Firefox 140 on Linux", "End session").await;
    browser.wait_for("The session was ended.").await;
    browser.click("Sign out everywhere else").await;
    browser.wait_for("The other session was ended.").await;
    sign_in_and_delete_account(&browser, &ada).await;
    app.person("Alan Turing").await;
    find_and_end_session(&browser, &grace).await;
});

#[actix_web::test]
async fn browser_login_by_keyboard_only() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    let tab = key(Key::Tab);

    // The first tab stop is the link that skips the header.
    browser.goto("/").await;
    browser.press(&tab).await;
    assert_eq!(browser.evaluate("return document.activeElement.getAttribute('href')").await, "#main");
    browser.press(&key(Key::Enter)).await;
    assert_eq!(browser.evaluate("return document.activeElement.id").await, "main");
    browser.press(&tab).await;
    assert_eq!(browser.evaluate("return document.activeElement.textContent").await, "Sign in");
    browser.press(&key(Key::Enter)).await;
    browser.wait_for_path("/login").await;

    // The sign-in page focuses its first field; the button that shows the password is a tab stop.
    browser.press(&keys(&[&ada.email, &tab, &ada.password, &tab])).await;
    assert_eq!(browser.evaluate("return document.activeElement.title").await, "Show password");
    browser.press(&keys(&[&tab, " ", &tab])).await;
    assert_eq!(browser.evaluate("return document.activeElement.textContent").await, "Sign in");
    browser.press(&key(Key::Enter)).await;
    browser.wait_for_path("/profile").await;
    assert_eq!(app.remembered_session_count(), 1, "the space bar ticked the box");
}

#[actix_web::test]
async fn browser_session_end_by_keyboard_only() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    app.person("Alan Turing").await;
    let browser = Browser::open(&app).await;
    let (tab, enter) = (key(Key::Tab), key(Key::Enter));
    browser.goto("/login?next=/admin/sessions?q=turing").await;
    browser.press(&keys(&[&grace.email, &tab, &grace.password, &enter])).await;
    browser.wait_for("1 active session found").await;

    let name = browser.client().find(Locator::Css("tbody .name")).await.unwrap();
    name.send_keys(&tab).await.unwrap();
    let visible = "return getComputedStyle(document.activeElement).opacity";
    assert_eq!(browser.evaluate("return document.activeElement.tagName").await, "SUMMARY");
    eventually(|| async { browser.evaluate(visible).await == "1" }).await;
    browser.press(&enter).await;
    let open = "return document.querySelector('tbody details.ender').open";
    assert_eq!(browser.evaluate(open).await, true);
    browser.press(&tab).await;
    browser.press(&key(Key::Escape)).await;
    assert_eq!(browser.evaluate(open).await, false, "Escape closes the panel");
    assert_eq!(
        browser.evaluate("return document.activeElement.tagName").await,
        "SUMMARY",
        "Escape returns the focus to the summary"
    );
    browser.press(&enter).await;
    browser.press(&tab).await;
    browser.press(&keys(&["Left the company", &enter])).await;
    browser.wait_for("The session was ended.").await;
    assert_eq!(app.end_messages("ended_by_admin"), ["Left the company"]);
}
