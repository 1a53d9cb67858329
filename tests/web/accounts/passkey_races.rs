//! Tests what happens while a passkey is being used: no change of the account lets it through, and no ceremony starts two sessions.

use std::rc::Rc;

use serde_json::Value;

use crate::support::{
    concurrent::{send, send_call, send_form},
    passkey::{SoftPasskey, options},
    *,
};

const SIGN_IN: &str = "/login/passkey";
const VERIFY: &str = "/login/verify";

/// A user with a passkey, and a browser of theirs that is signed in.
async fn with_passkey(app: &TestApp) -> (Person, Client, SoftPasskey) {
    let (ada, client) = app.person("Ada Lovelace").await;
    let (passkey, _) = SoftPasskey::added(app, &client, "Laptop").await;
    (ada, client, passkey)
}

/// A browser in which a ceremony is open: that of a second step after the password, or of a sign-in with the passkey alone.
async fn open(app: &TestApp, person: Option<&Person>) -> (Rc<Client>, Value) {
    let browser = app.client();
    let path = match person {
        Some(person) => {
            person.give_password(&browser).await;
            VERIFY
        }
        None => SIGN_IN,
    };
    let begun = options(&browser, &format!("{path}/options")).await.expect(200).json();
    (Rc::new(browser), begun)
}

/// Asserts that a passkey came too late: nobody is signed in, and nothing is left in the store.
#[track_caller]
fn assert_refused(app: &TestApp, answer: &Answer, browser: &Client, sessions: usize, why: &str) {
    if answer.request.ends_with(VERIFY) {
        assert_eq!(answer.location(), Some("/login"), "{why}: {}", answer.summary());
    } else {
        let problem = answer.problem(answer.status);
        assert!(matches!(answer.status, 401 | 403), "{why}: {problem}");
    }
    assert!(browser.cookie(COOKIE).is_none(), "{why}");
    assert_eq!(app.active_session_ids().len(), sessions, "{why}");
    assert_eq!(app.store_entries().len(), sessions, "{why}: an entry was left in the store");
}

on_both_stacks!(passkey_second_step_is_over_after_what_changes_the_account, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (mut ada, _, mut passkey) = with_passkey(&app).await;
    let own = app.client();
    let path = app.admin_path(&ada);
    let new = "umbrella-trout-58-canyon";
    let password = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    for change in ["end-sessions", "role", "role", "deactivate", "password", "reset-second-factor"] {
        let (late, begun) = open(&app, Some(&ada)).await;
        let said = passkey.get(&begun);
        if change == "password" {
            passkey.sign_in(&own).await.expect(200);
            own.post("/profile/password", &password).await.to("/profile");
            new.clone_into(&mut ada.password);
        } else {
            let role = [("role", if app.role_of(&ada) == "user" { "admin" } else { "user" })];
            let fields = if change == "role" { &role[..] } else { &[] };
            admin.post(&format!("{path}/{change}"), fields).await.to(&path);
        }
        let sessions = app.active_session_ids().len();
        let answer = late.post(VERIFY, &[("passkey", &*said)]).await;
        assert_refused(&app, &answer, &late, sessions, change);
        if change == "deactivate" {
            admin.post(&format!("{path}/activate"), &[]).await.to(&path);
        }
    }
    assert!(!signed_in(&own).await, "reset");
});

on_both_stacks!(passkey_that_is_removed_or_reset_meanwhile_signs_nobody_in, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, own, mut passkey) = with_passkey(&app).await;
    let path = app.admin_path(&ada);
    let (late, begun) = open(&app, None).await;
    let sent = passkey.sign_in_body(&begun);
    admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    let answer = send_call(&late, SIGN_IN, sent.clone()).await.unwrap();
    assert_refused(&app, &answer, &late, 1, "deactivated");
    admin.post(&format!("{path}/activate"), &[]).await.to(&path);
    // What was refused was not used up.
    send_call(&late, SIGN_IN, sent).await.unwrap().expect(200);
    assert!(!signed_in(&own).await);

    let (step, for_step) = open(&app, Some(&ada)).await;
    let (alone, begun) = open(&app, None).await;
    let id = app.query_text("SELECT id FROM passkeys")[0][0].clone().unwrap();
    app.set_confirmations(0);
    late.post(&format!("/security/passkeys/{id}/remove"), &[]).await.to("/security");
    let answer = send_call(&alone, SIGN_IN, passkey.sign_in_body(&begun)).await.unwrap();
    assert_refused(&app, &answer, &alone, 2, "removed");
    let answer = step.post(VERIFY, &[("passkey", &*passkey.get(&for_step))]).await;
    assert_refused(&app, &answer, &step, 2, "removed");

    let (mut passkey, _) = SoftPasskey::added(&app, &late, "Again").await;
    // Confirming with a passkey that is removed meanwhile, elsewhere.
    let other = app.client();
    passkey.sign_in(&other).await.expect(200);
    SoftPasskey::added(&app, &late, "Another").await.1.to("/security");
    app.forget_confirmations();
    let confirm = "/confirm-password";
    let begun = options(&other, &format!("{confirm}/options")).await.expect(200).json();
    let said = passkey.get(&begun);
    app.set_confirmations(0);
    let id = app.query_text("SELECT id FROM passkeys WHERE name = 'Again'")[0][0].clone().unwrap();
    late.post(&format!("/security/passkeys/{id}/remove"), &[]).await.to("/security");
    other.post(confirm, &[("confirm_passkey", &*said)]).await.expect(422);
    other.post("/logout", &[]).await.to("/");
    let (mut passkey, _) = SoftPasskey::added(&app, &late, "Third").await;
    let (alone, begun) = open(&app, None).await;
    admin.post(&format!("{path}/reset-second-factor"), &[]).await.to(&path);
    let answer = send_call(&alone, SIGN_IN, passkey.sign_in_body(&begun)).await.unwrap();
    assert_refused(&app, &answer, &alone, 1, "reset");
});

on_both_stacks!(passkey_of_a_demoted_administrator_gives_a_session_of_the_role_as_it_is, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _, mut passkey) = with_passkey(&app).await;
    let path = app.admin_path(&ada);
    admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
    let (late, begun) = open(&app, None).await;
    let sent = passkey.sign_in_body(&begun);
    admin.post(&format!("{path}/role"), &[("role", "user")]).await.to(&path);
    send_call(&late, SIGN_IN, sent).await.unwrap().expect(200);
    late.get("/admin").await.expect(403);
    assert_eq!(late.get("/auth/me").await.expect(200).json()["user"]["role"], "user");
});

on_both_stacks!(passkey_in_flight_gives_no_session_after_what_ends_all, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let admin = Rc::new(admin);
    let (ada, _, passkey) = with_passkey(&app).await;
    let path = app.admin_path(&ada);
    for (change, alone) in [
        ("deactivate", true),
        ("end-sessions", false),
        ("deactivate", false),
        ("deactivate", true),
        ("reset-second-factor", true),
    ] {
        let mut passkey = passkey.clone();
        let (late, begun) = open(&app, (!alone).then_some(&ada)).await;
        // Whichever comes first: the session has ended, or never was.
        let completed = if alone {
            send_call(&late, SIGN_IN, passkey.sign_in_body(&begun))
        } else {
            send_form(&late, VERIFY, &[("passkey", &*passkey.get(&begun))])
        };
        let changed = send(&admin, &format!("{path}/{change}"));
        let (completed, changed) = (completed.await.unwrap(), changed.await.unwrap());
        assert!(completed.status < 500, "{change}: {}", completed.summary());
        changed.to(&path);
        assert!(!signed_in(&late).await, "{change}: {}", completed.summary());
        assert_eq!(app.active_session_ids().len(), 1, "{change}: the administrator's alone");
        if change == "deactivate" {
            admin.post(&format!("{path}/activate"), &[]).await.to(&path);
        }
    }
});

#[actix_web::test]
async fn passkey_waits_for_uncommitted_changes() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (ada, _, mut passkey) = with_passkey(&app).await;
    for change in [
        "active = FALSE",
        "role = 'admin'",
        "password_hash = password_hash",
        "second_factor = FALSE",
        "active = TRUE",
    ] {
        for person in [None, Some(&ada)] {
            app.run_script("UPDATE users SET active = TRUE, role = 'user', second_factor = TRUE");
            let (late, begun) = open(&app, person).await;
            let lock = app.change_users_uncommitted(change);
            let held = match person {
                None => send_call(&late, SIGN_IN, passkey.sign_in_body(&begun)),
                Some(_) => send_form(&late, VERIFY, &[("passkey", &*passkey.get(&begun))]),
            };
            app.wait_for_blocked_like(1, "%users%").await;
            lock.commit();
            assert_refused(&app, &held.await.unwrap(), &late, 1, change);
        }
    }
    // And for a removal.
    let (late, begun) = open(&app, None).await;
    let mut removal = app.touch_users();
    removal.run("DELETE FROM passkeys");
    let held = send_call(&late, SIGN_IN, passkey.sign_in_body(&begun));
    app.wait_for_blocked_like(1, "%users%").await;
    removal.commit();
    assert_refused(&app, &held.await.unwrap(), &late, 1, "removed");
}

on_both_stacks!(passkey_ceremony_completed_twice_at_once_gives_one_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _, mut passkey) = with_passkey(&app).await;
    for person in [None, Some(&ada)] {
        let before = app.active_session_ids().len();
        let (first, begun) = open(&app, person).await;
        let copy = Rc::new(first.copy());
        let sent = passkey.sign_in_body(&begun);
        let lock = (stack == Stack::PostgresRedis).then(|| app.touch_users());
        let requests: Vec<_> = [&first, &copy, &first, &copy]
            .into_iter()
            .map(|browser| match person {
                None => send_call(browser, SIGN_IN, sent.clone()),
                Some(_) => send_form(browser, VERIFY, &[("passkey", &*sent.to_string())]),
            })
            .collect();
        if let Some(lock) = lock {
            app.wait_for_blocked_like(4, "%users%").await;
            lock.commit();
        }
        let mut started = 0;
        for request in requests {
            let answer = request.await.unwrap();
            assert!(answer.status < 500, "{}", answer.summary());
            started += usize::from(answer.status == 200 || answer.location() == Some("/profile"));
        }
        assert_eq!((started, app.active_session_ids().len()), (1, before + 1));
        assert_eq!(app.store_entries().len(), before + 1);
    }
});

on_both_stacks!(passkey_that_counts_is_recorded_once_at_a_time, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, _, mut passkey) = with_passkey(&app).await;
    passkey.counter = 5;
    let [(first, one), (second, other)] = [open(&app, None).await, open(&app, None).await];
    let mut copy = passkey.clone();
    let lock = (stack == Stack::PostgresRedis).then(|| app.touch_users());
    // Two of the same number, in two ceremonies: there are two devices.
    let requests = [
        send_call(&first, SIGN_IN, passkey.sign_in_body(&one)),
        send_call(&second, SIGN_IN, copy.sign_in_body(&other)),
    ];
    if let Some(lock) = lock {
        app.wait_for_blocked_like(2, "%users%").await;
        lock.commit();
    }
    let mut started = 0;
    for request in requests {
        started += usize::from(request.await.unwrap().status == 200);
    }
    assert_eq!((started, app.active_session_ids().len()), (1, 2));
});
