//! An address in Chromium, from the form to the mail to what comes of it: registered and confirmed; changed, confirmed and undone.

use crate::support::{smtp::SmtpServer, *};

async fn register(browser: &Browser, ada: &Person) {
    browser.goto("/register").await;
    browser.fill(&[("name", &ada.name), ("email", &ada.email), ("password", PASSWORD)]).await;
    browser.fill(&[("password_confirmation", PASSWORD)]).await;
    browser.submit("/register").await;
}

async fn start(stack: Stack, confirmation: &str) -> (SmtpServer, TestApp) {
    let smtp = SmtpServer::start_own();
    let builder = TestApp::builder(stack).var("SMTP_URL", smtp.url());
    let app = builder.var("EMAIL_CONFIRMATION", confirmation).start().await;
    (smtp, app)
}

on_both_stacks!(browser_registers_confirms_and_signs_in, |stack| async {
    let (smtp, app) = start(stack, "required").await;
    let (browser, ada) = (Browser::open(&app).await, Person::new("Ada Lovelace"));
    register(&browser, &ada).await;
    browser.wait_for("Check your mail").await;
    browser.goto("/profile").await;
    browser.wait_for_path("/login?next=%2Fprofile").await;
    browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
    browser.submit("/login").await;
    browser.wait_for("Confirm your address first.").await;
    let link = smtp.mail_to(&ada.email, "Confirm your address", 2).await.link();
    browser.goto(&link).await;
    browser.wait_for(&ada.email).await;
    browser.click("Confirm the address").await;
    browser.wait_for("Your address is confirmed.").await;
    browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    browser.wait_for("Confirmed").await;
});

on_both_stacks!(browser_changes_address_and_another_one_undoes_it, |stack| async {
    let (smtp, app) = start(stack, "optional").await;
    let (browser, ada) = (Browser::open(&app).await, Person::new("Ada Lovelace"));
    register(&browser, &ada).await;
    browser.wait_for_path("/profile").await;
    browser.wait_for("Not confirmed").await;
    browser.fill(&[("email", "thief@example.org")]).await;
    let password = browser.client().find(fantoccini::Locator::Css("#email-current")).await.unwrap();
    password.send_keys(PASSWORD).await.unwrap();
    browser.submit("/profile/email").await;
    browser.wait_for("thief@example.org waits to be confirmed").await;
    let link = smtp.mail_to("thief@example.org", "Confirm your new address", 1).await.link();
    browser.goto(&link).await;
    browser.click("Confirm the address").await;
    browser.wait_for("Your address was changed").await;
    browser.wait_for_path("/profile").await;

    let owner = Browser::open(&app).await;
    let undo = smtp.mail_to(&ada.email, "was changed", 1).await.link();
    owner.goto(&undo).await;
    owner.click("Undo the change").await;
    owner.wait_for("Choose a password").await;
    owner.wait_for("earlier address again").await;
    // The page that is open in the other browser is told.
    browser.wait_for("signed out").await;
    let chosen = "violet-lantern-44-canoe";
    owner.fill(&[("password", chosen), ("password_confirmation", chosen)]).await;
    owner.submit("/password/reset").await;
    owner.wait_for_path("/login").await;
    owner.fill(&[("email", &ada.email), ("password", chosen)]).await;
    owner.submit("/login").await;
    owner.wait_for_path("/profile").await;
    owner.wait_for(&ada.email).await;
});
