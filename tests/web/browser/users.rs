//! Tests invitation, deactivation and password confirmation in Chromium, with and without JavaScript.

use fantoccini::Locator;

use crate::support::*;

const NEW: &str = "copper-lantern-17-orchid";

async fn sign_in(browser: &Browser, email: &str, password: &str) {
    browser.goto("/login").await;
    browser.fill(&[("email", email), ("password", password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
}

async fn open(app: &TestApp, scripts: bool) -> Browser {
    let builder = Browser::builder(app);
    if scripts { builder.open().await } else { builder.without_javascript().open().await }
}

/// Clicks the confirmation dialog's button; without JavaScript there is no dialog.
async fn confirm_dialog(browser: &Browser, scripts: bool) {
    if scripts {
        let css = Locator::Css("dialog .danger");
        let yes = eventually(|| async { browser.client().find(css).await.ok() }).await;
        yes.click().await.unwrap();
    }
}

/// Invites a user, who signs in, and deactivates the account, which signs the user out.
async fn invite_and_deactivate_user(stack: Stack, scripts: bool) {
    let app = TestApp::builder(stack).var("REGISTRATION", "closed").not_set_up().start().await;
    let grace = Person::new("Grace Hopper");
    let admin = open(&app, scripts).await;
    admin.goto(app.setup_link().unwrap()).await;
    admin.fill(&[("name", &grace.name), ("email", &grace.email), ("password", PASSWORD)]).await;
    admin.fill(&[("password_confirmation", PASSWORD)]).await;
    admin.submit("/setup").await;
    admin.wait_for("The site is set up").await;

    let link = invite(&admin, scripts).await;
    let user_browser = open(&app, scripts).await;
    user_browser.goto(&link).await;
    user_browser.wait_for("You are invited").await;
    user_browser.fill(&[("password", NEW), ("password_confirmation", NEW)]).await;
    user_browser.submit("/password/reset").await;
    user_browser.wait_for("Your password is set.").await;
    user_browser.wait_for_path("/login").await;
    sign_in(&user_browser, "ada@example.org", NEW).await;

    app.forget_confirmations();
    deactivate_and_activate(&admin, &user_browser, scripts).await;
    promote_and_end_sessions(&admin, &user_browser, scripts).await;
}

/// Invites Ada Lovelace; returns the link.
async fn invite(admin: &Browser, scripts: bool) -> String {
    admin.click("Users").await;
    admin.wait_for_path("/admin/users").await;
    admin.click("Invite somebody…").await;
    admin.fill(&[("name", "Ada Lovelace"), ("email", "ada@example.org")]).await;
    admin.click("Make invitation").await;
    admin.wait_for("Invitation for Ada Lovelace").await;
    let field = admin.client().find(Locator::Css("#link")).await.unwrap();
    let link = field.prop("value").await.unwrap().unwrap();
    let buttons = admin.client().find_all(Locator::Css(".copy button")).await.unwrap();
    assert_eq!(buttons.len(), usize::from(scripts), "the copy button exists only with JavaScript");
    if scripts {
        admin.click("Copy link").await;
        eventually(|| async { admin.evaluate("return getSelection().toString()").await == *link }).await;
    }
    link
}

/// Deactivates the account, which takes the password again and signs the user out, and activates it.
async fn deactivate_and_activate(admin: &Browser, user_browser: &Browser, scripts: bool) {
    admin.click("Users").await;
    admin.click("Ada Lovelace").await;
    admin.click("Deactivate account").await;
    confirm_dialog(admin, scripts).await;
    admin.wait_for("Nothing was changed yet").await;
    admin.fill(&[("confirm_password", PASSWORD)]).await;
    admin.click("Deactivate account").await;
    admin.wait_for("The account is deactivated. 1 session was ended.").await;
    if scripts {
        user_browser.wait_for("account was deactivated").await;
        user_browser.click("Sign in again").await;
    } else {
        user_browser.click("Profile").await;
    }
    user_browser.wait_for_path("/login?next=%2Fprofile").await;
    admin.click("Activate account").await;
    admin.wait_for("The account is active").await;
}

/// Makes the user an administrator, ends the new session, and makes a link.
async fn promote_and_end_sessions(admin: &Browser, user_browser: &Browser, scripts: bool) {
    let role = admin.client().find(Locator::Css("#role")).await.unwrap();
    role.select_by_value("admin").await.unwrap();
    admin.click("Change role").await;
    admin.wait_for("The role was changed.").await;
    sign_in(user_browser, "ada@example.org", NEW).await;
    user_browser.click("Admin").await;
    user_browser.click("Sessions").await;
    user_browser.wait_for("2 active sessions").await;
    admin.fill(&[("reason", "Drill")]).await;
    admin.click("End all sessions").await;
    confirm_dialog(admin, scripts).await;
    admin.wait_for("1 session was ended.").await;
    admin.click("Make a link").await;
    admin.wait_for("Link for Ada Lovelace").await;
}

on_both_stacks!(browser_user_invitation_and_deactivation_with_javascript, |stack| async {
    invite_and_deactivate_user(stack, true).await;
});

on_both_stacks!(browser_user_invitation_and_deactivation_without_javascript, |stack| async {
    invite_and_deactivate_user(stack, false).await;
});
