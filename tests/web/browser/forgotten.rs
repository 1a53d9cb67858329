//! A forgotten password in Chromium, from the form to the mail to signing in with another one.

use crate::support::{smtp::SmtpServer, *};

on_both_stacks!(browser_replaces_forgotten_password, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (ada, elsewhere) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    browser.goto("/login").await;
    browser.click("Forgot your password?").await;
    browser.wait_for_path("/password/forgot").await;
    browser.fill(&[("email", &ada.email)]).await;
    browser.submit("/password/forgot").await;
    browser.wait_for("on its way").await;
    let link = smtp.mail_to(&ada.email, "A new password", 1).await.link();
    browser.goto(&link).await;
    browser.wait_for("Choose a password").await;
    let chosen = "violet-lantern-44-canoe";
    browser.fill(&[("password", chosen), ("password_confirmation", chosen)]).await;
    browser.submit("/password/reset").await;
    browser.wait_for_path("/login").await;
    assert!(!signed_in(&elsewhere).await);
    browser.fill(&[("email", &ada.email), ("password", chosen)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    browser.goto(&link).await;
    browser.wait_for("This link does not work").await;
});
