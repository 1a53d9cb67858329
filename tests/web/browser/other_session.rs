//! Tests in Chromium what becomes of the session's cookie: somebody else signs in in another tab, or the browser refuses it.

use super::live::sign_in;
use crate::support::*;

/// Signs one person in in the first tab and then another in the second, and returns to the first.
async fn sign_in_in_two_tabs(browser: &Browser, first: &Person, second: &Person) {
    let client = browser.client();
    let first_tab = client.window().await.unwrap();
    let second_tab = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(second_tab.clone()).await.unwrap();
    browser.goto("/login").await;
    client.switch_to_window(first_tab.clone()).await.unwrap();
    sign_in(browser, first).await;
    client.switch_to_window(second_tab).await.unwrap();
    browser.fill(&[("email", &second.email), ("password", &second.password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    client.switch_to_window(first_tab).await.unwrap();
}

on_both_stacks!(open_page_hears_that_somebody_else_signed_in, |stack| async {
    let app = TestApp::start(stack).await;
    let ((ada, _), (bob, _)) = (app.person("Ada Lovelace").await, app.person("Bob Kahn").await);
    let browser = Browser::open(&app).await;
    sign_in_in_two_tabs(&browser, &ada, &bob).await;
    browser.wait_for("You are now signed in as Bob Kahn (bob.kahn@example.org) in this browser.").await;
    browser.click("Load it again").await;
    browser.wait_for("bob.kahn@example.org").await;
    assert_eq!(browser.path().await, "/profile");
});

on_both_stacks!(form_of_another_session_refused_without_javascript, |stack| async {
    let app = TestApp::start(stack).await;
    let ((ada, _), (bob, _)) = (app.person("Ada Lovelace").await, app.person("Bob Kahn").await);
    let browser = Browser::builder(&app).without_javascript().open().await;
    sign_in_in_two_tabs(&browser, &ada, &bob).await;
    browser.fill(&[("name", "Ada Byron")]).await;
    browser.submit("/profile").await;
    browser.wait_for("You are now signed in as Bob Kahn").await;
    browser.click("Go on as Bob Kahn").await;
    browser.wait_for("bob.kahn@example.org").await;
    assert_eq!(app.name_of(&bob), bob.name);
});

on_both_stacks!(browser_that_refuses_the_cookie_says_so, |stack| async {
    let app = TestApp::builder(stack)
        .var("BASE_URL", "http://login.example.org")
        .var("COOKIE_DOMAIN", "example.org")
        .start()
        .await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    browser.goto("/login").await;
    browser.fill(&[("email", &ada.email), ("password", &ada.password)]).await;
    browser.submit("/login").await;
    browser.wait_for("your browser did not keep the cookie").await;
    browser.wait_for("to be opened at http://login.example.org").await;
});
