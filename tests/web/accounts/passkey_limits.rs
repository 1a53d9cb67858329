//! Tests the limits on wrong passkeys: they are counted and wait as wrong passwords do, and lock nobody out.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::support::{
    concurrent::{send_call, send_form},
    passkey::{SoftPasskey, options},
    throttling::{start, try_sign_in},
    *,
};

const OPTIONS: &str = "/login/passkey/options";
const SIGN_IN: &str = "/login/passkey";

/// A user with a passkey, a browser of theirs that is signed in, and the same passkey with a key that lies.
async fn with_passkey(app: &TestApp) -> (Person, Client, SoftPasskey, SoftPasskey) {
    let (ada, client) = app.person("Ada Lovelace").await;
    let (passkey, _) = SoftPasskey::added(app, &client, "Laptop").await;
    let liar = passkey.forged(app);
    (ada, client, passkey, liar)
}

/// Tries a passkey until it has to wait. Returns how often it was looked at, and the answer that says how long.
async fn try_until_refused(client: &Client, passkey: &mut SoftPasskey) -> (usize, Answer) {
    for tried in 0..40 {
        let answer = passkey.sign_in(client).await;
        if answer.status == 429 {
            return (tried, answer);
        }
        answer.problem(401);
    }
    panic!("nothing had to wait")
}

on_both_stacks!(wrong_passkeys_wait_and_lock_nobody_out, |stack| async {
    let app = start(stack).await;
    let (ada, own, mut passkey, mut liar) = with_passkey(&app).await;
    let stranger = app.client();
    let (tried, answer) = try_until_refused(&stranger, &mut liar).await;
    assert_eq!(tried, 20);
    assert_eq!(answer.retry_after(), 1);
    let problem = answer.problem(429);
    assert!(
        problem["detail"].as_str().unwrap().contains("too many failed sign-ins from your network"),
        "{problem}"
    );
    assert_eq!(app.event_count_of("sign_in_failed"), 20, "what was not tried is no failure");
    assert_eq!(app.throttle_kinds(), ["sign-ins"], "the account has no count of them");
    let throttled = app.details_of_events("throttled");
    assert!(throttled.len() == 1 && throttled[0].contains("20 "), "{throttled:?}");
    // Every sign-in of that network waits, a right one too; browsers that are known and other networks don't.
    app.set_failures_of("sign-ins", 27);
    app.let_waits_pass();
    liar.sign_in(&stranger).await.problem(401);
    assert!(passkey.sign_in(&stranger).await.retry_after() > 60);
    assert!(try_sign_in(&stranger, &ada.email, PASSWORD).await.retry_after() > 60);
    own.post("/logout", &[]).await.to("/");
    passkey.sign_in(&own).await.expect(200);
    own.post("/logout", &[]).await.to("/");
    ada.give_password(&own).await;
    let elsewhere = app.client().bound_to([127, 0, 0, 2]);
    passkey.sign_in(&elsewhere).await.expect(200);
    ada.give_password(&app.client().bound_to([127, 0, 0, 2])).await;
    app.let_waits_pass();
    passkey.sign_in(&stranger).await.expect(200);
});

on_both_stacks!(wrong_passkeys_of_a_known_browser_have_its_count, |stack| async {
    let app = start(stack).await;
    let (ada, own, mut passkey, mut liar) = with_passkey(&app).await;
    own.post("/logout", &[]).await.to("/");
    let (tried, answer) = try_until_refused(&own, &mut liar).await;
    assert_eq!((tried, answer.retry_after()), (5, 1));
    assert_eq!(app.throttle_kinds(), ["browser"]);
    assert!(try_sign_in(&own, &ada.email, PASSWORD).await.retry_after() >= 1, "one count");
    passkey.sign_in(&app.client()).await.expect(200);
    app.let_waits_pass();
    passkey.sign_in(&own).await.expect(200);
    assert_eq!(app.throttle_kinds(), Vec::<String>::new(), "the row was broken");
});

on_both_stacks!(wrong_passkeys_wait_at_the_second_step_and_in_a_session, |stack| async {
    let app = start(stack).await;
    let (ada, own, mut passkey, mut liar) = with_passkey(&app).await;
    let step = app.client();
    ada.give_password(&step).await;
    for (client, path, field, status, kinds) in [
        (&step, "/login/verify", "passkey", 401, &["second-steps", "sign-ins"][..]),
        (&own, "/confirm-password", "confirm_passkey", 422, &["confirmations", "session"]),
    ] {
        app.forget_throttle_counts();
        let begin = || async { options(client, &format!("{path}/options")).await.expect(200).json() };
        for _ in 0..5 {
            let page = client.post(path, &[(field, &*liar.get(&begin().await))]).await;
            assert_page(&page.expect(status));
        }
        let page = client.post(path, &[(field, &*passkey.get(&begin().await))]).await;
        assert_page(&page);
        assert_eq!(page.retry_after(), 1);
        let mut counted = app.throttle_kinds();
        counted.sort();
        assert_eq!(counted, kinds);
        app.let_waits_pass();
        client.post(path, &[(field, &*passkey.get(&begin().await))]).await.to("/profile");
    }
});

on_both_stacks!(hundred_passkeys_at_once_are_refused_and_counted, |stack| async {
    let app = start(stack).await;
    let (ada, own, mut passkey, liar) = with_passkey(&app).await;
    let guesser = Rc::new(app.client());
    ada.give_password(&guesser).await;
    let sign_in: Value = options(&guesser, OPTIONS).await.expect(200).json();
    let step: Value = options(&guesser, "/login/verify/options").await.expect(200).json();
    // Half of them are of nobody's passkey.
    let mut liars = [liar, SoftPasskey::new(&app)];
    let mut guesses = Vec::new();
    for number in 0..100 {
        let liar = &mut liars[number % 2];
        guesses.push(if number % 4 < 2 {
            let sent = json!({ "ceremony": sign_in["ceremony"], "credential": liar.assertion(&sign_in) });
            send_call(&guesser, SIGN_IN, sent)
        } else {
            send_form(&guesser, "/login/verify", &[("passkey", &*liar.get(&step))])
        });
    }
    let (mut wrong, mut waits) = (0, 0);
    for guess in guesses {
        let answer = guess.await.unwrap();
        match answer.status {
            401 => wrong += 1,
            429 => waits += 1,
            _ => panic!("{}", answer.summary()),
        }
        assert!(answer.header("retry-after").is_some() == (answer.status == 429), "{}", answer.summary());
    }
    assert!((1..40).contains(&wrong) && waits > 60, "{wrong} {waits}");
    let counted = app.event_times_of("sign_in_failed") as usize + app.event_count_of("second_step_failed");
    assert_eq!(counted, wrong, "each is counted");
    assert!(guesser.cookie(COOKIE).is_none());
    passkey.sign_in(&own).await.expect(200);
});

on_both_stacks!(passkey_signs_nobody_in_before_the_address_is_confirmed, |stack| async {
    let mut app = TestApp::start(stack).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    app.restart_with(&[("EMAIL_CONFIRMATION", "required")]).await;
    let (mut passkey, _) = SoftPasskey::added(&app, &own, "Laptop").await;
    let browser = app.client();
    let answer = passkey.sign_in(&browser).await.expect(200);
    assert_eq!(answer.json(), json!({ "location": "/email/sent" }));
    assert!(browser.cookie(COOKIE).is_none());
    browser.get("/profile").await.to("/login?next=%2Fprofile");
    app.confirm_email(&ada);
    assert_eq!(passkey.sign_in(&browser).await.expect(200).json(), json!({ "location": "/profile" }));
});

on_both_stacks!(passkeys_of_one_person_are_twenty_at_most, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, own) = app.person("Ada Lovelace").await;
    SoftPasskey::added(&app, &own, "Laptop").await.1.expect(200);
    for number in 2..21 {
        SoftPasskey::added(&app, &own, &format!("Key {number}")).await.1.to("/security");
    }
    let page = SoftPasskey::added(&app, &own, "One more").await.1.expect(422);
    assert_page(&page.has("You have 20 passkeys, which is as many as there may be"));
    assert_eq!(app.query_text("SELECT count(*) FROM passkeys")[0][0].as_deref(), Some("20"));
});
