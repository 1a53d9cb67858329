//! Follows the link in the notice of a new browser in Chromium, wide and narrow, light and dark: from the mail to the page, its button,
//! the link for a new password, and that password. The pages fit, axe-core reports nothing, and a screenshot of each is saved.

use serde_json::Value;

use super::screenshots::screenshot;
use crate::support::{axe::assert_accessible, smtp::SmtpServer, *};

const NEW: &str = "copper-lantern-17-orchid";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/142.0.0.0 Safari/537.36";

/// Saves a screenshot of a page that fits and passes axe-core.
pub(super) async fn check(browser: &Browser, name: &str) {
    screenshot(browser, name).await;
    let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.evaluate(sideways).await, Value::from(0), "{name} scrolls sideways");
    assert_accessible(browser, name).await;
}

async fn follow(app: &TestApp, smtp: &SmtpServer, browser: &Browser, person: &Person, variant: &str) {
    let thief = app.client().user_agent(CHROME);
    person.sign_in(&thief).await;
    let link = smtp.mail_about("A new sign-in").await.link();
    browser.goto(&link).await;
    browser.wait_for("Still signed in").await;
    check(browser, &format!("sign-in-check-{variant}")).await;
    assert!(signed_in(&thief).await);
    browser.submit("/sign-in/check").await;
    browser.wait_for("That session was ended.").await;
    check(browser, &format!("sign-in-ended-{variant}")).await;
    assert!(!signed_in(&thief).await);
    browser.goto(&link).await;
    browser.wait_for("This link does not work").await;
    check(browser, &format!("sign-in-link-used-{variant}")).await;

    let reset = smtp.mail_about("A new password").await.link();
    browser.goto(&reset).await;
    browser.fill(&[("password", NEW), ("password_confirmation", NEW)]).await;
    browser.submit("/password/reset").await;
    browser.wait_for("Your password is set.").await;
    browser.fill(&[("email", &person.email), ("password", NEW)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    browser.click("Download your data").await;
    browser.wait_for("All that is stored of you").await;
    check(browser, &format!("profile-data-{variant}")).await;
    // A session that has ended, on the page of its notice.
    Person { password: NEW.to_owned(), ..person.clone() }
        .sign_in(&app.client().user_agent("curl/8.14.1"))
        .await;
    let ended = app.session_in("curl");
    // After the first notice, the link for a new password, and the mail that it was used.
    let link = smtp.wait_for(4).await.pop().unwrap().link();
    app.end_in_database(&ended, "idle");
    browser.goto(&link).await;
    browser.wait_for("Expired after not being used").await;
    check(browser, &format!("sign-in-over-{variant}")).await;
}

on_both_stacks!(new_browser_link_is_followed_in_chromium, |stack| async {
    let variants = match stack {
        Stack::Sqlite => [("wide-light", 1280, false), ("narrow-dark", 375, true)],
        Stack::PostgresRedis => [("wide-dark", 1280, true), ("narrow-light", 375, false)],
    };
    for (variant, width, dark) in variants {
        let smtp = SmtpServer::start_own();
        let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await;
        let (ada, _) = app.person("Ada Lovelace").await;
        let builder = Browser::builder(&app).size(width, 800);
        let browser = if dark { builder.dark().open().await } else { builder.open().await };
        follow(&app, &smtp, &browser, &ada, variant).await;
        eventually(|| async { app.event_count_of("exported") == 1 }).await;
    }
});
