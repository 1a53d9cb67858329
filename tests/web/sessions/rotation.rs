//! Tests concurrent requests of one session: both take effect, and the browser ends up with the working key.

use std::rc::Rc;

use crate::support::{
    concurrent::{send, send_form},
    test_routes::{session_id, start, start_on},
    *,
};

on_both_stacks!(rotation_race_leaves_one_working_key, |stack| async {
    let (app, barrier) = start(stack).await;
    for remembered in [false, true] {
        let (ada, first) = app.person(if remembered { "Ada Lovelace" } else { "Grace Hopper" }).await;
        if remembered {
            let _ = ada.sign_in_remembered(&first).await;
        }
        let (id, old) = (session_id(&first).await, first.copy());
        let (one, two) = (Rc::new(first.copy()), Rc::new(first.copy()));
        let held = [send(&one, "/test/held/rotate"), send(&two, "/test/held/rotate")];
        barrier.wait_for(2).await;
        barrier.release(2);
        let mut set = 0;
        for answer in held {
            set += new_cookie(&answer.await.unwrap().expect(200)).iter().count();
        }
        assert_eq!(set, 1, "the losing request must not overwrite the cookie");
        let (one_in, two_in) = (signed_in(&one).await, signed_in(&two).await);
        assert!(one_in != two_in, "exactly one key works: {one_in} {two_in}");
        assert!(!signed_in(&old).await);
        let winner = if one_in { &one } else { &two };
        assert_eq!((session_id(winner).await, listed_sessions(winner).await), (id.clone(), vec![id]));
    }
    assert_eq!(app.store_entries().len(), 2, "no entry is left behind");
});

on_all_backends!(rotation_race_across_instances_leaves_one_key, |backend| async {
    let (app, barrier) = start_on(backend).await;
    let second = app.second_instance().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (one, two) = (Rc::new(client.copy()), Rc::new(client.at(&second)));
    let held = [send(&one, "/test/held/rotate"), send(&two, "/test/held/rotate")];
    barrier.wait_for(2).await;
    barrier.release(2);
    let mut cookies = Vec::new();
    for answer in held {
        cookies.extend(new_cookie(&answer.await.unwrap().expect(200)));
    }
    assert_eq!(cookies.len(), 1);
    client.set_cookie(COOKIE, &cookies[0].value);
    assert!(signed_in(&client).await && signed_in(&client.at(&second)).await);
    assert_eq!(app.store_entries().len(), 1);
});

/// Holds a request of a remembered session while another rotates the key, and asserts that the late response keeps the
/// new cookie.
async fn assert_late_response_keeps_cookie(app: &TestApp, barrier: &Barrier, rotating: &TestApp, kind: &str) {
    let (ada, client) = (Person::new("Ada Lovelace"), Rc::new(app.client()));
    let _ = ada.register(&client).await;
    let _ = ada.sign_in_remembered(&client).await;
    let id = session_id(&client).await;
    let held = send(&client, kind);
    barrier.wait_for(1).await;
    let elsewhere = client.at(rotating);
    let _ = elsewhere.post("/test/rotate", &[]).await.expect(200);
    let key = elsewhere.cookie(COOKIE).unwrap().value;
    client.set_cookie(COOKIE, &key);
    barrier.release(1);
    let late = held.await.unwrap().expect(200);
    assert_eq!(new_cookie(&late), None);
    assert!(signed_in(&client).await);
    assert_eq!(session_id(&client).await, id);
}

on_both_stacks!(late_read_keeps_rotated_cookie, |stack| async {
    let (app, barrier) = start(stack).await;
    assert_late_response_keeps_cookie(&app, &barrier, &app, "/test/held/read").await;
});

on_both_stacks!(late_change_keeps_rotated_cookie, |stack| async {
    let (app, barrier) = start(stack).await;
    assert_late_response_keeps_cookie(&app, &barrier, &app, "/test/held/change").await;
});

on_both_stacks!(late_rotation_keeps_rotated_cookie, |stack| async {
    let (app, barrier) = start(stack).await;
    assert_late_response_keeps_cookie(&app, &barrier, &app, "/test/held/rotate").await;
});

on_all_backends!(late_read_keeps_cookie_rotated_on_other_instance, |backend| async {
    let (app, barrier) = start_on(backend).await;
    let second = app.second_instance().await;
    assert_late_response_keeps_cookie(&app, &barrier, &second, "/test/held/read").await;
});

on_both_stacks!(late_read_keeps_cookie_of_next_login, |stack| async {
    let (app, barrier) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let client = Rc::new(client);
    let _ = ada.sign_in_remembered(&client).await;
    let held = send(&client, "/test/held/read");
    barrier.wait_for(1).await;
    let _ = client.post("/logout", &[]).await.to("/");
    let _ = ada.sign_in(&client).await;
    barrier.release(1);
    let _ = held.await.unwrap().expect(200);
    assert!(signed_in(&client).await, "the late response signed the browser out");
});

on_both_stacks!(name_and_password_changes_race_both_succeed, |stack| async {
    let (app, _) = start(stack).await;
    for round in 0..3 {
        let (ada, client) = app.person(&format!("Person {round}")).await;
        let (one, two) = (Rc::new(client.copy()), Rc::new(client.copy()));
        let (name, password) = (format!("Countess {round}"), "umbrella-trout-58-canyon");
        let fields = [
            ("current_password", ada.password.as_str()),
            ("password", password),
            ("password_confirmation", password),
        ];
        let held =
            [send_form(&one, "/profile", &[("name", &name)]), send_form(&two, "/profile/password", &fields)];
        for answer in held {
            let _ = answer.await.unwrap().to("/profile");
        }
        let fresh = app.client();
        let _ = Person { password: password.to_owned(), ..ada }.sign_in(&fresh).await;
        let _ = fresh.get("/profile").await.expect(200).has(&name);
        assert!(signed_in(&two).await, "the browser that changed the password stays signed in");
    }
});

on_both_stacks!(password_change_race_second_fails, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, one) = app.person("Ada Lovelace").await;
    let two = app.client();
    let _ = ada.sign_in(&two).await;
    let (one, two) = (Rc::new(one), Rc::new(two));
    let words = ["umbrella-trout-58-canyon", "granite-swallow-21-piano"];
    // Both requests check the current password before either writes: the test locks the row until then.
    let lock = app.lock_users();
    let change = |client: &Rc<Client>, word: &str| {
        let fields = [
            ("current_password", ada.password.as_str()),
            ("password", word),
            ("password_confirmation", word),
        ];
        send_form(client, "/profile/password", &fields)
    };
    let held = [change(&one, words[0]), change(&two, words[1])];
    if stack == Stack::PostgresRedis {
        app.wait_for_blocked(2).await;
    }
    lock.commit();
    let mut statuses = Vec::new();
    for answer in held {
        statuses.push(answer.await.unwrap().status);
    }
    let (one_in, two_in) = (signed_in(&one).await, signed_in(&two).await);
    assert!(
        one_in != two_in,
        "only the client whose change succeeded stays signed in, {statuses:?} {one_in} {two_in}"
    );
    let winner = if one_in { words[0] } else { words[1] };
    let _ = Person { password: winner.to_owned(), ..ada }.sign_in(&app.client()).await;
    assert_eq!(app.event_count_of("password_changed"), 1);
});
