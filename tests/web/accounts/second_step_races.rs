//! Tests what happens while a second step is open or being completed: no change of the account lets it through, and no code, however
//! odd or often sent, does more than be refused and counted.

use std::rc::Rc;

use crate::support::{
    authenticator::Authenticator,
    concurrent::{send, send_form},
    *,
};

const VERIFY: &str = "/login/verify";

/// A user with an authenticator app, and a browser of theirs that is signed in.
async fn with_app(app: &TestApp) -> (Person, Client, Authenticator) {
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(app, &client).await;
    (ada, client, authenticator)
}

/// A browser in which the second step is open.
async fn open(app: &TestApp, person: &Person) -> Rc<Client> {
    let browser = app.client();
    person.give_password(&browser).await;
    Rc::new(browser)
}

/// Asserts that a second step was completed too late.
async fn assert_refused(app: &TestApp, answer: &Answer, browser: &Client, sessions: usize, why: &str) {
    assert_eq!(answer.location(), Some("/login"), "{why}: {}", answer.summary());
    assert!(browser.cookie(COOKIE).is_none(), "{why}");
    assert_eq!(app.active_session_ids().len(), sessions, "{why}");
    assert_eq!(app.store_entries().len(), sessions, "{why}: an entry was left in the store");
}

on_both_stacks!(second_step_and_removed_or_reset_factor, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client, authenticator) = with_app(&app).await;
    let late = open(&app, &ada).await;
    app.set_confirmations(0);
    client.post("/security/totp/remove", &[]).await.to("/security");
    let answer = late.post(VERIFY, &[("code", &authenticator.code())]).await;
    assert_refused(&app, &answer, &late, 2, "removed").await;

    let (authenticator, codes) = Authenticator::set_up(&app, &client).await;
    let late = open(&app, &ada).await;
    let path = app.admin_path(&ada);
    let ended = app.session_of(&ada);
    admin.post(&format!("{path}/reset-second-factor"), &[]).await.to(&path);
    assert_eq!(eventually(|| async { app.end_reason(&ended) }).await, "ended_by_admin");
    for code in [&authenticator.code(), &codes[0]] {
        let answer = late.post(VERIFY, &[("code", code.as_str())]).await;
        assert_refused(&app, &answer, &late, 1, "reset").await;
    }
});

on_both_stacks!(second_step_in_flight_gives_no_session_after_what_ends_all, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let admin = Rc::new(admin);
    let (ada, _, authenticator) = with_app(&app).await;
    let path = app.admin_path(&ada);
    for change in ["end-sessions", "deactivate", "end-sessions", "deactivate", "reset-second-factor"] {
        app.forget_used_codes();
        let late = open(&app, &ada).await;
        // Whichever comes first: the session has ended, or never was.
        let completed = send_form(&late, VERIFY, &[("code", &authenticator.code())]);
        let changed = send(&admin, &format!("{path}/{change}"));
        let (completed, changed) = (completed.await.unwrap(), changed.await.unwrap().expect(303));
        assert!(matches!(completed.status, 303 | 401), "{change}: {}", completed.summary());
        assert_eq!(changed.location(), Some(&*path), "{change}");
        assert!(!signed_in(&late).await, "{change}: {}", completed.summary());
        assert_eq!(app.active_session_ids().len(), 1, "{change}: the administrator's alone");
        if change == "deactivate" {
            admin.post(&format!("{path}/activate"), &[]).await.to(&path);
        }
    }
});

#[actix_web::test]
async fn second_step_waits_for_uncommitted_changes() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (ada, _, authenticator) = with_app(&app).await;
    for change in [
        "active = FALSE",
        "role = 'admin'",
        "password_hash = password_hash",
        "second_factor = FALSE",
        "active = TRUE",
    ] {
        app.run_script("UPDATE users SET active = TRUE, role = 'user', second_factor = TRUE");
        app.forget_used_codes();
        let late = open(&app, &ada).await;
        let lock = app.change_users_uncommitted(change);
        let held = send_form(&late, VERIFY, &[("code", &authenticator.code())]);
        app.wait_for_blocked_like(1, "%users%").await;
        lock.commit();
        assert_refused(&app, &held.await.unwrap(), &late, 1, change).await;
    }
}

on_both_stacks!(second_step_completed_twice_at_once_gives_one_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, codes) = Authenticator::set_up(&app, &client).await;
    let first = open(&app, &ada).await;
    let copy = Rc::new(first.copy());
    let lock = (stack == Stack::PostgresRedis).then(|| app.touch_users());
    let one = send_form(&first, VERIFY, &[("code", &authenticator.code())]);
    let other = send_form(&copy, VERIFY, &[("code", &codes[0])]);
    if let Some(lock) = lock {
        app.wait_for_blocked_like(2, "%users%").await;
        lock.commit();
    }
    let answers = [one.await.unwrap(), other.await.unwrap()];
    let started = answers.iter().filter(|answer| answer.location() == Some("/profile")).count();
    assert_eq!(started, 1, "{} / {}", answers[0].summary(), answers[1].summary());
    assert_eq!(app.active_session_ids().len(), 2);
});

on_both_stacks!(second_step_page_is_closed_after_ten_minutes_and_to_the_deactivated, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _, _) = with_app(&app).await;
    let late = open(&app, &ada).await;
    late.get(VERIFY).await.expect(200);
    app.set_active(&ada, false);
    late.get(VERIFY).await.to("/login");
    app.set_active(&ada, true);
    let late = open(&app, &ada).await;
    app.run_script("UPDATE tokens SET expires_at = '2020-01-01 00:00:00' WHERE purpose = 'second_step'");
    late.get(VERIFY).await.to("/login");
});

on_both_stacks!(stored_key_of_an_app_is_of_no_use_in_another_row, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _, _) = with_app(&app).await;
    let (bob, client) = app.person("Bob Kahn").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let (theirs, own) = (app.user_id(&bob), app.user_id(&ada));
    app.run_script(&format!(
        "UPDATE authenticators SET sealed_key = (SELECT sealed_key FROM authenticators WHERE user_id = {theirs}) \
         WHERE user_id = {own}"
    ));
    let browser = open(&app, &ada).await;
    browser.post(VERIFY, &[("code", &authenticator.code())]).await.expect(500);
    assert!(browser.cookie(COOKIE).is_none() && app.active_session_ids().len() == 2);
});

on_both_stacks!(second_step_takes_neighbouring_codes_once_in_any_digits, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _, authenticator) = with_app(&app).await;
    let arabic = |code: &str| -> String {
        code.bytes().map(|digit| char::from_u32(0x660 + u32::from(digit - b'0')).unwrap()).collect()
    };
    let browser = open(&app, &ada).await;
    for wrong in [authenticator.code_in(-60), arabic(&authenticator.code_in(-90)), authenticator.code_in(90)]
    {
        browser.post(VERIFY, &[("code", &*wrong)]).await.expect(401);
    }
    browser.post(VERIFY, &[("code", "12 34\u{0}56")]).await.expect(422);
    // A device that is ahead shows the next code already; it counts once.
    let next = arabic(&authenticator.code_in(30));
    let spaced = format!("\u{a0}{} \u{2003}{}", &next[..6], &next[6..]);
    browser.post(VERIFY, &[("code", &spaced)]).await.to("/profile");
    let again = open(&app, &ada).await;
    again.post(VERIFY, &[("code", &next)]).await.expect(401);
    again.post(VERIFY, &[("code", &authenticator.code())]).await.expect(401);
    assert_eq!(app.event_count_of("second_step_failed"), 5);
    assert_eq!(app.active_session_ids().len(), 2);
});

on_both_stacks!(second_step_hundred_codes_at_once_are_refused_and_counted, |stack| async {
    let app = TestApp::builder(stack).var("THROTTLE", "on").start().await;
    let (ada, client, authenticator) = with_app(&app).await;
    let guesser = open(&app, &ada).await;
    let guesses: Vec<_> =
        (0..100).map(|guess| send_form(&guesser, VERIFY, &[("code", &format!("{guess:06}"))])).collect();
    let mut statuses = [0, 0];
    for guess in guesses {
        let answer = guess.await.unwrap();
        match answer.status {
            401 => statuses[0] += 1,
            429 => statuses[1] += 1,
            _ => panic!("{}", answer.summary()),
        }
    }
    let [wrong, waits] = statuses;
    assert!((1..40).contains(&wrong) && waits > 60, "{statuses:?}");
    assert_eq!(app.event_count_of("second_step_failed"), wrong, "each is counted");
    guesser.post(VERIFY, &[("code", &authenticator.code())]).await.expect(429);
    ada.give_password(&client).await;
    client.post(VERIFY, &[("code", &authenticator.code())]).await.to("/profile");
});
