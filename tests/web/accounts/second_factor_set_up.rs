//! Tests what the first second factor of an account does to what was signed in with the password alone, and what the password alone
//! is good for from then on.

use std::rc::Rc;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    authenticator::Authenticator,
    concurrent::send_form,
    guarded_sites::{self, APP, Visitor},
    passkey::{SoftPasskey, options},
    smtp::SmtpServer,
    *,
};

const ADD: &str = "/security/passkeys";

on_both_stacks!(session_with_the_password_alone_ends_once_a_second_factor_is_set_up, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "everyone").start().await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let [thief, remembered] = [app.client(), app.client()];
    ada.sign_in(&thief).await;
    ada.sign_in_remembered(&remembered).await;
    let token = ada.take_token(&app).await;
    thief.get("/auth/verify").await.problem(403);
    let begun = options(&thief, "/security/passkeys/options").await.expect(200).json();
    let said = SoftPasskey::new(&app).create(&begun);
    let open = thief.events("/session/events").await;

    let authenticator = Authenticator::offered(&own).await;
    let page = own.post("/security/totp", &[("code", &authenticator.code())]).await.expect(200);
    assert_page(&page.has("signed out everywhere else: 3 sessions were ended"));
    assert_eq!(open.end().await[0].1["reason"], "second_factor_set_up");
    thief.get("/auth/verify").await.expect(401);
    let page = thief.post(ADD, &[("name", "x"), ("passkey", &*said)]).await.expect(401);
    assert_page(&page.has("a second factor was set up for your account"));
    assert_eq!(app.query_text("SELECT count(*) FROM passkeys")[0][0].as_deref(), Some("0"));
    assert!(!signed_in(&remembered).await);
    assert_eq!(app.client().status_of(&token).await, 401);
    own.get("/auth/verify").await.expect(200);
    assert_eq!(app.active_session_ids().len(), 1);
    app.assert_nothing_half_done();
});

on_both_stacks!(first_second_factor_ends_other_sessions_and_a_further_one_does_not, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let id = own_session_id(&other).await;
    let (mut passkey, page) = SoftPasskey::added(&app, &own, "Laptop").await;
    assert_page(&page.expect(200).has("signed out everywhere else: 1 session was ended"));
    assert_eq!(app.end_reason(&id).as_deref(), Some("second_factor_set_up"));
    let mail = smtp.mail_about("How you sign in").await;
    assert!(mail.text.contains("Wherever else you were signed in, that has ended"), "{}", mail.text);
    let (_, admin) = app.admin("Grace Hopper").await;
    admin.get("/admin/sessions?state=ended").await.expect(200).has("Ended when a second factor was set up");

    passkey.sign_in(&other).await.expect(200);
    let (_, page) = SoftPasskey::added(&app, &own, "Phone").await;
    page.to("/security");
    let authenticator = Authenticator::offered(&own).await;
    own.post("/security/totp", &[("code", &authenticator.code())]).await.to("/security");
    assert!(signed_in(&other).await && signed_in(&own).await);
    app.all_mails_sent().await;
    let told = smtp.mails().into_iter().filter(|mail| mail.text.contains("that has ended")).count();
    assert_eq!(told, 1);
});

on_both_stacks!(
    site_cookie_of_the_password_alone_dies_with_a_second_factor_set_up_elsewhere,
    |stack| async {
        let app = guarded_sites::builder(stack).start().await;
        let (ada, thief) = Visitor::signed_in(&app, "Ada Lovelace").await;
        thief.open(APP, "/a?b=1&c").await.expect(200);
        let own = app.client();
        ada.sign_in(&own).await;
        Authenticator::set_up(&app, &own).await;
        thief.verify(APP).await.expect(401);
        assert!(signed_in(&own).await);
    }
);

on_both_stacks!(promoted_person_who_sets_a_second_factor_up_keeps_that_session_alone, |stack| async {
    let app = TestApp::builder(stack).var("SECOND_FACTOR", "administrators").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    Authenticator::set_up(&app, &admin).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let thief = app.client();
    ada.sign_in(&thief).await;
    let path = app.admin_path(&ada);
    admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
    thief.get("/admin").await.expect(303);
    Authenticator::set_up(&app, &own).await;
    own.get("/admin").await.expect(200);
    thief.get("/admin").await.to("/login?next=%2Fadmin");
});

on_both_stacks!(two_who_set_up_the_first_second_factor_at_once_do_not_both_stay, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let clients = [Rc::new(own), Rc::new(other)];
    let lock = (stack == Stack::PostgresRedis).then(|| app.touch_users());
    let mut held = Vec::new();
    for client in &clients {
        let code = Authenticator::offered(client).await.code();
        held.push(send_form(client, "/security/totp", &[("code", &code)]));
    }
    if let Some(lock) = lock {
        app.wait_for_blocked_like(2, "%users%").await;
        lock.commit();
    }
    let mut added = 0;
    for (held, client) in held.into_iter().zip(&clients) {
        let answer = held.await.unwrap();
        let is_right = answer.status == 200;
        assert!(is_right || answer.status == 401, "{}", answer.summary());
        assert_eq!(signed_in(client).await, is_right, "{}", answer.summary());
        added += usize::from(is_right);
    }
    assert_eq!((added, app.event_count_of("authenticator_added")), (1, 1));
    assert_eq!(app.active_session_ids().len(), 1);
});

/// A browser that is trusted, signed in with the password alone, and the app of its user.
async fn trusted(app: &TestApp, ada: &Person, own: &Client) -> (Client, Authenticator) {
    let (authenticator, _) = Authenticator::set_up(app, own).await;
    let browser = app.client();
    ada.give_password(&browser).await;
    browser.post("/login/verify", &[("code", &*authenticator.code()), ("trust", "on")]).await.to("/profile");
    browser.post("/logout", &[]).await.to("/");
    ada.sign_in(&browser).await;
    app.forget_used_codes();
    (browser, authenticator)
}

on_both_stacks!(trusted_browser_signs_in_with_the_password_and_changes_nothing_with_it, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let (browser, authenticator) = trusted(&app, &ada, &own).await;
    assert_eq!(browser.get("/auth/session").await.expect(200).json()["method"], "password");
    options(&browser, "/security/passkeys/options").await.problem(403);
    browser.get("/security/totp").await.to("/confirm-password?next=%2Fsecurity%2Ftotp");
    browser.post("/confirm-password", &[("password", PASSWORD)]).await.expect(422);
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    browser.post("/profile/password", &fields).await.expect(422);
    let proof = [("password", PASSWORD), ("confirm_code", &*authenticator.code())];
    browser.post("/confirm-password", &proof).await.to("/profile");
    options(&browser, "/security/passkeys/options").await.expect(200);
});

on_both_stacks!(password_alone_does_not_prolong_what_a_code_has_confirmed, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, own) = app.person("Ada Lovelace").await;
    let confirmed_at = || {
        let state: serde_json::Value = serde_json::from_str(&app.stored_state()).unwrap();
        state["confirmed_at"].clone()
    };
    app.set_confirmations(-60);
    let before = confirmed_at();
    own.post("/confirm-password", &[("password", PASSWORD)]).await.to("/profile");
    assert_ne!(confirmed_at(), before, "there is no second factor");
    Authenticator::set_up(&app, &own).await;
    app.set_confirmations(-60);
    let before = confirmed_at();
    own.post("/confirm-password", &[("password", PASSWORD)]).await.to("/profile");
    assert_eq!(confirmed_at(), before);
});

on_both_stacks!(trusted_browser_is_asked_again_after_every_reset, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (mut ada, own) = app.person("Ada Lovelace").await;
    let path = app.admin_path(&ada);
    let (browser, _) = trusted(&app, &ada, &own).await;
    let page = admin.post(&format!("{path}/send-reset"), &[]).await.expect(200);
    let token = admin_pages::token_of(&admin_pages::link_on(&page));
    let new = "umbrella-trout-58-canyon";
    let fields = [("token", &*token), ("password", new), ("password_confirmation", new)];
    app.client().post("/password/reset", &fields).await.expect(303);
    new.clone_into(&mut ada.password);
    ada.give_password(&browser).await;
    assert!(!signed_in(&browser).await);

    admin.post(&format!("{path}/reset-second-factor"), &[("reason", "Lost")]).await.to(&path);
    ada.sign_in(&own).await;
    let (browser, _) = trusted(&app, &ada, &own).await;
    admin.post(&format!("{path}/reset-second-factor"), &[("reason", "Lost")]).await.to(&path);
    ada.sign_in(&own).await;
    Authenticator::set_up(&app, &own).await;
    ada.give_password(&browser).await;
    // Nor is another app a reason to trust it on.
    let (browser, _) = trusted(&app, &ada, &own).await;
    Authenticator::set_up(&app, &own).await;
    ada.give_password(&browser).await;
    let credentials = json!({ "email": ada.email, "password": new });
    browser.send_json(Method::POST, "/auth/login", &credentials).await.problem(401);
});
