//! Tests conditions that usually stand behind another one: each refuses alone, where the other one would let the request through.

use std::rc::Rc;

use crate::support::{
    concurrent::send_form,
    forged_cookies::store_key,
    test_routes::{builder_on, session_id, start},
    *,
};

// Deactivating an account ends its sessions; whatever else deactivates it, they don't work.
on_both_stacks!(session_of_inactive_user_is_refused_although_it_has_not_ended, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    app.set_active(&ada, false);
    client.get("/profile").await.to("/login?next=%2Fprofile");
    client.post("/profile", &[("name", "Thief")]).await.expect(401);
    app.set_active(&ada, true);
    assert!(signed_in(&client).await);
});

// Ending a session removes its state; whatever restores that, the session stays ended.
on_all_backends!(ended_session_is_refused_although_its_state_is_back, |backend| async {
    let app = builder_on(backend).0.start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let thief = client.copy();
    let (key, state) = (app.store_entries().remove(0), app.stored_state());
    client.post("/logout", &[]).await.to("/");
    app.set_stored_state(&key, &state);
    thief.get("/profile").await.to("/login?next=%2Fprofile");
    thief.post("/profile", &[("name", "Thief")]).await.expect(401);
});

// The sweep ends expired sessions; before it comes by, they are refused as well.
on_all_backends!(expired_session_is_refused_before_the_sweep, |backend| async {
    let app = builder_on(backend).0.start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    // Redis keeps the rolling time itself.
    let column = if backend == Backend::Redis { SessionTime::AbsoluteEnd } else { SessionTime::Expires };
    app.set_session_time(&id, column, "2026-01-01 00:00:00");
    client.get("/profile").await.to("/login?next=%2Fprofile");
});

// What ends an administrator's session is checked again when the body has arrived; here only one thing has happened meanwhile.
on_both_stacks!(administrator_who_lost_one_right_while_the_body_arrived_changes_nothing, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let path = format!("{}/end-sessions", app.admin_path(&ada));
    for (lost, status) in [("active", 401), ("absolute end", 401), ("role", 403)] {
        let (eve, thief) = app.admin(&format!("Eve {lost}")).await;
        let id = session_id(&thief).await;
        let held = app.hold_checked_form(&thief, &id, &path, &[]).await;
        match lost {
            "active" => app.set_active(&eve, false),
            "role" => app.demote(&eve),
            _ => app.set_session_time(&id, SessionTime::AbsoluteEnd, "2026-01-01 00:00:00"),
        }
        assert_eq!(held.finish().await.status, status, "{lost}");
        assert_eq!(app.active_sessions_of(&ada).len(), 1, "{lost}");
    }
});

// Links of other kinds belong to nobody; one that did would set no password.
on_both_stacks!(link_of_another_kind_sets_no_password_although_it_has_an_owner, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for (purpose, status) in [("setup", 404), ("setup_used", 404), ("reset", 200)] {
        app.insert_token(purpose, &ada, &store_key(&format!("p{purpose}")));
        assert_eq!(
            app.client().get(&format!("/password/reset?token={purpose}")).await.status,
            status,
            "{purpose}"
        );
    }
});

// Nothing is done or recorded for a session that ended while the body arrived.
on_both_stacks!(forms_of_session_ended_while_the_body_arrived_do_nothing, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, owner) = app.person("Ada Lovelace").await;
    let own = session_id(&owner).await;
    let end = format!("/sessions/{own}/end");
    for (path, fields) in [
        (&*end, &[][..]),
        ("/profile/delete", &[("current_password", PASSWORD)]),
        ("/profile/delete", &[("current_password", "wrong")]),
        ("/confirm-password", &[("password", PASSWORD)]),
        ("/confirm-password", &[("password", "wrong")]),
    ] {
        let thief = app.client();
        ada.sign_in(&thief).await;
        let id = session_id(&thief).await;
        let held = app.hold_checked_form(&thief, &id, path, fields).await;
        owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
        assert_eq!(held.finish().await.status, 401, "{path} {fields:?}");
        assert!(signed_in(&owner).await, "{path}");
    }
    assert_eq!(app.event_users("confirmation_failed").len() + app.event_users("confirmed").len(), 0);
});

// The end of a session removes its state; state that is gone without an end is not written again by a request in flight.
on_all_backends!(lost_state_is_not_written_again_by_request_in_flight, |backend| async {
    let (builder, barrier) = builder_on(backend);
    let app = builder.start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    let client = Rc::new(client);
    let held = send_form(&client, "/test/held/change", &[]);
    barrier.wait_for(1).await;
    app.lose_state(&id);
    barrier.release(1);
    assert_eq!(new_cookie(&held.await.unwrap()), None);
    assert_eq!(app.store_entries(), Vec::<String>::new());
});

// A change of the password ends the other sessions; of two changes by one session the second finds another password.
#[actix_web::test]
async fn second_of_two_password_changes_by_one_session_401() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (ada, one) = app.person("Ada Lovelace").await;
    let clients = [Rc::new(one.copy()), Rc::new(one)];
    let lock = app.lock_users();
    let passwords = ["umbrella-trout-58-canyon", "copper-lantern-17-orchid"];
    let held = [0, 1].map(|n| {
        let new = passwords[n];
        let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
        send_form(&clients[n], "/profile/password", &fields)
    });
    app.wait_for_blocked(2).await;
    lock.commit();
    let mut statuses = Vec::new();
    for answer in held {
        statuses.push(answer.await.unwrap().status);
    }
    let changed = statuses.iter().position(|status| *status == 303).unwrap();
    assert_eq!(statuses[1 - changed], 401);
    let ada = Person { password: passwords[changed].to_owned(), ..ada };
    ada.sign_in(&app.client()).await;
}

// The table of routes checks the role before a handler is called; a handler that asks for an administrator gets nobody else.
on_both_stacks!(handler_that_wants_an_administrator_gets_nobody_else, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, user) = app.person("Ada Lovelace").await;
    for (client, status) in [(&app.client(), 401), (&user, 403), (&admin, 200)] {
        assert_eq!(client.get("/test/admin").await.status, status);
    }
});

// Of two cookies the one that leads to a session counts, also where only the state of the other one's session is gone.
on_all_backends!(cookie_whose_state_is_lost_does_not_hide_a_good_one, |backend| async {
    let app = builder_on(backend).0.start().await;
    let (_, ada) = app.person("Ada Lovelace").await;
    let id = session_id(&ada).await;
    let (_, grace) = app.person("Grace Hopper").await;
    app.lose_state(&id);
    let [lost, good] = [&ada, &grace].map(|client| client.cookie(COOKIE).unwrap().value);
    let cookies = format!("{COOKIE}={lost}; {COOKIE}={good}");
    let page = app.client().request(reqwest::Method::GET, "/profile").header("cookie", &cookies).send().await;
    let _ = page.expect(200).has("Grace Hopper");
});
