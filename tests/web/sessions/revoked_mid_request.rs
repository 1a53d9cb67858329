//! Tests requests whose session or role is revoked while they run: they change nothing. Also tests that a change of the
//! session keeps its cookie's lifetime.

use std::rc::Rc;

use crate::support::{
    concurrent::send_form,
    demo,
    test_routes::{session_id, start},
    *,
};

on_both_stacks!(session_change_keeps_remembered_cookie_lifetime, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, plain) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    let _ = ada.sign_in_remembered(&remembered).await;
    for (client, lifetime) in [(&plain, None), (&remembered, Some(30 * 24 * 60 * 60))] {
        let answer = client.post("/test/change", &[]).await.expect(200);
        assert_eq!(new_cookie(&answer).unwrap().max_age(), lifetime);
        client.close();
        assert_eq!(signed_in(client).await, lifetime.is_some());
    }
});

#[actix_web::test]
async fn password_change_by_session_ended_meanwhile_401() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (ada, owner) = app.person("Ada Lovelace").await;
    let thief = Rc::new(app.client());
    let _ = ada.sign_in(&thief).await;
    let id = session_id(&thief).await;
    let lock = app.lock_users();
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let held = send_form(&thief, "/profile/password", &fields);
    app.wait_for_blocked(1).await;
    let _ = owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    lock.commit();
    assert_eq!(new_cookie(&held.await.unwrap().expect(401)), None);
    assert!(!signed_in(&thief).await);
    assert!(signed_in(&owner).await, "an ended session signed the owner out");
    let _ = ada.sign_in(&app.client()).await;
}

on_both_stacks!(forms_of_session_ended_meanwhile_401, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, owner) = app.person("Ada Lovelace").await;
    let thief = app.client();
    let _ = ada.sign_in(&thief).await;
    let id = session_id(&thief).await;
    let held = app.hold_checked_form(&thief, &id, "/profile", &[("name", "Mallory")]).await;
    let guess = [("current_password", "wrong")];
    let guess = app.hold_checked_form(&thief, &id, "/profile/delete", &guess).await;
    let _ = owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    assert_eq!(held.finish().await.status, 401);
    assert_eq!(guess.finish().await.status, 401);
    assert_eq!(app.event_count_of("confirmation_failed"), 0);
    let _ = owner.get("/profile").await.expect(200).lacks("Mallory");
});

on_both_stacks!(demoted_admin_requests_in_flight_change_nothing, |stack| async {
    let (app, _) = start(stack).await;
    let (_, owner) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    owner.post(&format!("{}/deactivate", app.admin_path(&bob)), &[]).await.expect(303);
    let (ada_path, bob_path) = (app.admin_path(&ada), app.admin_path(&bob));
    let ada_session = session_id(&client).await;
    for (revocation, status) in [("end", 401), ("deactivate", 401), ("role", 403)] {
        let (eve, thief) = app.admin(&format!("Eve {revocation}")).await;
        let all = [("q", "lovelace"), ("reason", "x"), ("confirm", "yes"), ("expected", "1")];
        let forms: [(String, &[(&str, &str)]); 12] = [
            (
                "/admin/users".into(),
                &[("name", "Mallory"), ("email", "mallory@example.org"), ("role", "admin")],
            ),
            ("/admin/users".into(), &[("name", "Mallory"), ("email", ""), ("role", "admin")]),
            (format!("{ada_path}/role"), &[("role", "admin")]),
            (format!("{ada_path}/role"), &[("role", "root")]),
            (format!("{ada_path}/deactivate"), &[]),
            (format!("{bob_path}/activate"), &[]),
            (format!("{ada_path}/end-sessions"), &[]),
            (format!("{ada_path}/send-reset"), &[]),
            (format!("/admin/sessions/{ada_session}/end"), &[]),
            ("/admin/sessions/end".into(), &all),
            ("/admin/sessions/end".into(), &all[..2]),
            ("/admin/sessions/end".into(), &all[..1]),
        ];
        let id = session_id(&thief).await;
        let mut held = Vec::new();
        for (path, fields) in &forms {
            held.push((path, app.hold_checked_form(&thief, &id, path, fields).await));
        }
        let path = match revocation {
            "end" => format!("/admin/sessions/{id}"),
            _ => app.admin_path(&eve),
        };
        let _ = owner
            .post(&format!("{path}/{revocation}"), &[("role", "user")][..usize::from(revocation == "role")])
            .await
            .expect(303);
        let before = app.access();
        for (path, form) in held {
            let answer = form.finish().await;
            assert_eq!(answer.status, status, "{revocation}: {path}\n{}", answer.text);
            assert!(!answer.text.contains(&ada.email), "{revocation}: {path} shows users");
            assert_eq!(app.access(), before, "{revocation}: {path}");
        }
    }
});

#[actix_web::test]
async fn role_change_by_admin_demoted_meanwhile_403() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (eve, demoted) = app.admin("Eve").await;
    app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let demoted = Rc::new(demoted);
    let mut lock = app.lock_users();
    let held = send_form(&demoted, &format!("{}/role", app.admin_path(&ada)), &[("role", "admin")]);
    app.wait_for_blocked(1).await;
    lock.demote(&app.user_id(&eve));
    lock.commit();
    held.await.unwrap().expect(403);
    assert_eq!(app.role_of(&ada), "user");
}

#[actix_web::test]
async fn bulk_end_stops_when_admin_is_demoted() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", "1300", "--ended", "0"]);
    let (_, other) = app.admin("Grace Hopper").await;
    let admin = app.client();
    demo::sign_in_as_admin(&admin, &password).await;
    let preview =
        admin.post("/admin/sessions/end", &[("role", "user"), ("reason", "Drill")]).await.expect(200);
    let expected: usize = preview.value_of("expected").unwrap().parse().unwrap();
    assert!(expected > 1_000, "{expected}");
    // One session of the first thousand is locked; the next thousand starts only after the first has ended.
    let lock = app.lock_eleventh_session();
    let form = preview.form("/admin/sessions/end");
    let answer = admin.post("/admin/sessions/end", &form.with(&[])).await.expect(303);
    eventually(|| async { app.count_ended_as("ended_by_admin") == 750 }).await;
    app.demote(demo::ADMIN_EMAIL);
    lock.commit();
    let page = other.get(answer.location().unwrap()).await.expect(200);
    assert_page(&page);
    page.has("750 sessions were ended.").has("the administrator who began it is none any more");
    assert_eq!(app.count_ended_as("ended_by_admin"), 750);
}

#[actix_web::test]
async fn bulk_end_stops_when_admin_loses_the_required_second_factor() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SECOND_FACTOR", "administrators").start().await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", "1300", "--ended", "0"]);
    let (_, other) = app.admin("Grace Hopper").await;
    let admin = app.client();
    demo::sign_in_as_admin(&admin, &password).await;
    app.run_script("UPDATE users SET second_factor = TRUE WHERE role = 'admin'");
    let preview =
        admin.post("/admin/sessions/end", &[("role", "user"), ("reason", "Drill")]).await.expect(200);
    let lock = app.lock_eleventh_session();
    let form = preview.form("/admin/sessions/end");
    let answer = admin.post("/admin/sessions/end", &form.with(&[])).await.expect(303);
    eventually(|| async { app.count_ended_as("ended_by_admin") == 750 }).await;
    let email = demo::ADMIN_EMAIL;
    app.run_script(&format!("UPDATE users SET second_factor = FALSE WHERE email = '{email}'"));
    lock.commit();
    let page = other.get(answer.location().unwrap()).await.expect(200);
    assert_page(&page);
    page.has("750 sessions were ended.").has("no second factor any more, which this site requires");
    assert_eq!(app.count_ended_as("ended_by_admin"), 750);
}

/// An administrator who ends the sessions of a filled site, of which one is locked until the administrator is signed out by another
/// one. Returns the application, both clients, the answer and how many sessions ended.
async fn end_many_and_sign_out(sessions: &str) -> (TestApp, [Client; 2], Answer, usize) {
    let (app, _) = start(Stack::PostgresRedis).await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", sessions, "--ended", "0"]);
    let (_, other) = app.admin("Grace Hopper").await;
    let admin = Rc::new(app.client());
    demo::sign_in_as_admin(&admin, &password).await;
    let own = session_id(&admin).await;
    let filter = [("role", "user"), ("reason", "Drill")];
    let form = admin.post("/admin/sessions/end", &filter).await.expect(200).form("/admin/sessions/end");
    let expected: usize = form.fields.iter().find(|(name, _)| name == "expected").unwrap().1.parse().unwrap();
    // A thousand are ended before the next are looked up, by transactions of 250 at once.
    let before_lock = expected.min(1_000) - 250;
    let lock = app.lock_eleventh_session();
    let held = send_form(&admin, "/admin/sessions/end", &form.with(&[]));
    eventually(|| async { app.count_ended_as("ended_by_admin") == before_lock }).await;
    let fields = [("note", "not theirs")];
    other.post(&format!("/admin/sessions/{own}/end"), &fields).await.to("/admin/sessions");
    lock.commit();
    let answer = held.await.unwrap().expect(303);
    (app, [admin.copy(), other], answer, before_lock)
}

#[actix_web::test]
async fn bulk_end_stops_when_session_of_admin_ends() {
    let (app, [_, other], answer, ended) = end_many_and_sign_out("1300").await;
    let page = other.get(answer.location().unwrap()).await.expect(200);
    assert_page(&page);
    page.has("750 sessions were ended.").has("the session of the administrator who began it has ended");
    // The administrator's own is one more.
    assert_eq!((ended, app.count_ended_as("ended_by_admin")), (750, 751));
}

#[actix_web::test]
async fn bulk_end_stopped_within_a_request_says_how_many_ended() {
    let (app, [admin, _], answer, ended) = end_many_and_sign_out("600").await;
    let page = admin.follow(answer).await.expect(200);
    page.has(&format!("{ended} sessions were ended. Then it was stopped"));
    assert_eq!(app.count_ended_as("ended_by_admin"), ended + 1);
}

#[actix_web::test]
async fn end_by_admin_signed_out_while_it_waits_ends_nothing() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (_, thief) = app.admin("Eve").await;
    let thief = Rc::new(thief);
    let (ada, client) = app.person("Ada Lovelace").await;
    let own = session_id(&thief).await;
    let mut lock = app.touch_sessions_of(&ada);
    let held = send_form(&thief, &format!("/admin/sessions/{}/end", app.session_of(&ada)), &[]);
    app.wait_for_blocked(1).await;
    lock.end_session(&own);
    lock.commit();
    held.await.unwrap().expect(401);
    assert!(signed_in(&client).await);
}
