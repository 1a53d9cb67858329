//! Tests that ended sessions stay ended: requests are held open while their session ends or the account changes, and
//! they must neither restore it nor start a new one.

use std::rc::Rc;

use crate::support::{
    concurrent::{send, send_form},
    test_routes::{builder, session_id, start},
    *,
};

/// Asserts that no known cookie signs in, and that neither catalogue nor store still has the session.
async fn assert_session_gone(app: &TestApp, id: &str, late: &Answer, clients: &[&Client]) {
    assert_eq!(new_cookie(late).filter(|cookie| !cookie.is("max-age")), None, "{}", late.summary());
    for client in clients {
        assert!(!signed_in(client).await);
    }
    assert!(!app.active_session_ids().contains(&id.to_owned()));
    let entry = app.store_key_of(id);
    assert!(!app.store_entries().contains(&entry), "the store still has {entry}");
}

/// Holds each kind of request open, ends its session with `end`, releases the request, and asserts that the session is
/// gone.
async fn assert_end_holds_for_request_in_flight<F: AsyncFn(&TestApp, &str, &Client, &Person)>(
    stack: Stack,
    end: F,
) {
    let (app, barrier) = start(stack).await;
    let (ada, other) = app.person("Ada Lovelace").await;
    for path in ["/test/held/read", "/test/held/change", "/test/held/rotate"] {
        for remembered in [false, true] {
            let client = Rc::new(app.client());
            let _ = match remembered {
                true => ada.sign_in_remembered(&client).await,
                false => ada.sign_in(&client).await,
            };
            if !signed_in(&other).await {
                let _ = ada.sign_in(&other).await;
            }
            let (id, before) = (session_id(&client).await, client.copy());
            let held = send(&client, path);
            barrier.wait_for(1).await;
            end(&app, &id, &other, &ada).await;
            assert!(!signed_in(&before).await, "{path} remembered: {remembered}");
            barrier.release(1);
            let late = held.await.unwrap();
            assert_session_gone(&app, &id, &late, &[&client, &before]).await;
            assert_eq!(app.logged_ends(&id).len(), 1);
            let mut left = app.store_entries();
            let active = app.active_store_keys();
            left.retain(|key| !active.contains(key));
            assert_eq!(left, Vec::<String>::new(), "{path} left an entry without a session");
        }
    }
}

on_both_stacks!(session_ended_by_user_stays_ended, |stack| async {
    assert_end_holds_for_request_in_flight(stack, async |_, id, other, _| {
        let _ = other.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    })
    .await;
});

on_both_stacks!(session_ended_by_admin_stays_ended, |stack| async {
    assert_end_holds_for_request_in_flight(stack, async |app, id, other, ada| {
        app.make_admin(ada);
        let _ = other
            .post(&format!("/admin/sessions/{id}/end"), &[("reason", "lost")])
            .await
            .to("/admin/sessions");
    })
    .await;
});

on_both_stacks!(sessions_ended_by_end_others_stay_ended, |stack| async {
    assert_end_holds_for_request_in_flight(stack, async |_, _, other, _| {
        let _ = other.post("/sessions/end-others", &[]).await.to("/sessions");
    })
    .await;
});

on_both_stacks!(session_ended_by_password_change_stays_ended, |stack| async {
    assert_end_holds_for_request_in_flight(stack, async |_, _, other, ada| {
        let _ = change_password(other, &ada.password, &ada.password).await.to("/profile");
    })
    .await;
});

async fn change_password(client: &Client, from: &str, to: &str) -> Answer {
    let fields = [("current_password", from), ("password", to), ("password_confirmation", to)];
    client.post("/profile/password", &fields).await
}

on_both_stacks!(session_ended_by_logout_stays_ended, |stack| async {
    let (app, barrier) = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for path in ["/test/held/read", "/test/held/change", "/test/held/rotate"] {
        let client = Rc::new(app.client());
        let _ = ada.sign_in(&client).await;
        let (id, before) = (session_id(&client).await, client.copy());
        let held = send(&client, path);
        barrier.wait_for(1).await;
        let _ = client.post("/logout", &[]).await.to("/");
        barrier.release(1);
        assert_session_gone(&app, &id, &held.await.unwrap(), &[&client, &before]).await;
        assert_eq!(app.end_reason(&id).as_deref(), Some("logout"));
    }
});

on_both_stacks!(session_ended_by_account_deletion_stays_ended, |stack| async {
    let (app, barrier) = start(stack).await;
    for path in ["/test/held/read", "/test/held/change", "/test/held/rotate"] {
        let (ada, client) = app.person("Ada Lovelace").await;
        let client = Rc::new(client);
        let before = client.copy();
        let held = send(&client, path);
        barrier.wait_for(1).await;
        let other = client.copy();
        let _ = other.post("/profile/delete", &[("current_password", &ada.password)]).await.to("/");
        barrier.release(1);
        let late = held.await.unwrap();
        assert_eq!(new_cookie(&late), None, "{}", late.summary());
        assert!(!signed_in(&client).await && !signed_in(&before).await);
        assert_eq!((app.active_session_ids(), app.store_entries()), (vec![], vec![]));
    }
});

on_both_stacks!(session_ended_by_deactivation_stays_ended, |stack| async {
    let (app, barrier) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let client = Rc::new(client);
    let (id, before) = (session_id(&client).await, client.copy());
    for path in ["/test/held/change", "/test/held/rotate"] {
        let held = send(&client, path);
        barrier.wait_for(1).await;
        if path.ends_with("rotate") {
            app.deactivate(&ada);
            barrier.release(1);
            assert_eq!(new_cookie(&held.await.unwrap()), None);
        } else {
            barrier.release(1);
            let _ = held.await.unwrap().expect(200);
        }
    }
    assert!(!signed_in(&client).await && !signed_in(&before).await);
    app.set_active(&ada, true);
    assert!(!signed_in(&client).await && !signed_in(&before).await, "a reactivation restores no session");
    assert_eq!(
        (app.active_session_ids(), app.end_reason(&id).as_deref()),
        (vec![], Some("user_deactivated"))
    );
});

/// Holds a sign-in after the password check, changes the account with `change`, and asserts that no session starts.
async fn assert_login_overtaken_403<F: AsyncFn(&TestApp, &Client, &Person)>(stack: Stack, change: F) {
    let (app, barrier) = start(stack).await;
    let (ada, other) = app.person("Ada Lovelace").await;
    let sessions = app.session_ids();
    let late = Rc::new(app.client());
    let held = send_form(&late, "/test/held/sign-in", &[("email", &ada.email), ("password", &ada.password)]);
    barrier.wait_for(1).await;
    change(&app, &other, &ada).await;
    barrier.release(1);
    let answer = held.await.unwrap().expect(403);
    assert_eq!(new_cookie(&answer), None);
    assert!(!signed_in(&late).await);
    assert_eq!(app.session_ids(), sessions, "no session was started");
}

on_both_stacks!(login_overtaken_by_deactivation_403, |stack| async {
    assert_login_overtaken_403(stack, async |app, _, ada| app.deactivate(ada)).await;
});

on_both_stacks!(login_overtaken_by_deactivation_in_the_database_403, |stack| async {
    // As somebody does who knows nothing of `session_epoch`.
    assert_login_overtaken_403(stack, async |app, _, ada| app.set_active(ada, false)).await;
});

on_both_stacks!(login_overtaken_by_deactivation_and_reactivation_403, |stack| async {
    assert_login_overtaken_403(stack, async |app, _, ada| {
        app.deactivate(ada);
        app.set_active(ada, true);
    })
    .await;
});

on_both_stacks!(login_overtaken_by_password_change_403, |stack| async {
    assert_login_overtaken_403(stack, async |_, other, ada| {
        let _ = change_password(other, &ada.password, "umbrella-trout-58-canyon").await.to("/profile");
    })
    .await;
});

on_both_stacks!(login_overtaken_by_end_others_403, |stack| async {
    assert_login_overtaken_403(stack, async |_, other, _| {
        let _ = other.post("/sessions/end-others", &[]).await.to("/sessions");
        assert!(signed_in(other).await, "the session that sent the request stays");
    })
    .await;
});

on_both_stacks!(login_overtaken_by_account_deletion_403, |stack| async {
    let (app, barrier) = start(stack).await;
    let (ada, other) = app.person("Ada Lovelace").await;
    let late = Rc::new(app.client());
    let held = send_form(&late, "/test/held/sign-in", &[("email", &ada.email), ("password", &ada.password)]);
    barrier.wait_for(1).await;
    let _ = other.post("/profile/delete", &[("current_password", &ada.password)]).await.to("/");
    barrier.release(1);
    assert_eq!(new_cookie(&held.await.unwrap().expect(403)), None);
    assert_eq!((app.active_session_ids(), app.store_entries()), (vec![], vec![]));
});

#[actix_web::test]
async fn login_waits_for_uncommitted_deactivation() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let deactivation = app.deactivate_users_uncommitted();
    let late = Rc::new(app.client());
    let held = send_form(&late, "/login", &[("email", &ada.email), ("password", &ada.password)]);
    app.wait_for_blocked_like(1, "UPDATE %users%").await;
    deactivation.commit();
    let _ = held.await.unwrap().expect(403);
    assert!(!signed_in(&late).await);
}

/// Sends a form that waits for its user's row, which the returned lock holds until it is committed.
async fn send_blocked_by_user_row(
    app: &TestApp,
    client: &Rc<Client>,
    path: &str,
    fields: &[(&str, &str)],
) -> (HeldLock, actix_web::rt::task::JoinHandle<Answer>) {
    let holder = app.touch_users();
    let held = send_form(client, path, fields);
    app.wait_for_blocked_like(1, "%users%").await;
    (holder, held)
}

#[actix_web::test]
async fn account_deletion_and_end_others_by_ended_session_401() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for (path, fields) in
        [("/profile/delete", vec![("current_password", PASSWORD)]), ("/sessions/end-others", vec![])]
    {
        let thief = Rc::new(app.client());
        let _ = ada.sign_in(&thief).await;
        let id = session_id(&thief).await;
        let (mut holder, held) = send_blocked_by_user_row(&app, &thief, path, &fields).await;
        holder.end_session(&id);
        holder.commit();
        let _ = held.await.unwrap().expect(401);
        assert!(signed_in(&client).await, "{path}");
    }
}

#[actix_web::test]
async fn account_deletion_leaves_entries_to_be_deleted_when_redis_returns() {
    // No session is remembered here: a short remember-me lifetime makes the sweep run often.
    let (builder, _) = builder(Stack::PostgresRedis);
    let app = builder.through_proxies().var("SESSION_REMEMBER_TTL", "2s").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (copy, client) = (client.copy(), Rc::new(client));
    let delete = [("current_password", PASSWORD)];
    let (holder, held) = send_blocked_by_user_row(&app, &client, "/profile/delete", &delete).await;
    let stores = app.stores();
    stores.redis_proxy().set(ProxyMode::Refuse);
    stores.redis_proxy().reset_connections();
    holder.commit();
    held.await.unwrap().to("/");
    assert_eq!(app.redis().keys().len(), 1, "the store entry still exists");
    assert_eq!(app.user_count(), 0);

    stores.redis_proxy().set(ProxyMode::Pass);
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    assert!(!signed_in(&copy).await);
    eventually(|| async { app.redis().keys().is_empty() }).await;
    ada.register(&client).await;
}
