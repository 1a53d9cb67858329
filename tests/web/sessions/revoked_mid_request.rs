//! What a request has begun counts only while its session lives; what it writes of the session keeps its lifetime.

use std::{rc::Rc, time::Duration};

use crate::support::{
    concurrent::send_form,
    demo,
    test_routes::{session_id, start},
    *,
};

on_both_stacks!(a_change_leaves_a_remembered_cookie_its_lifetime, |stack| async {
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
async fn a_session_that_ended_meanwhile_changes_no_password() {
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
    assert!(signed_in(&owner).await, "the owner was signed out by a session that had ended");
    let _ = ada.sign_in(&app.client()).await;
}

on_both_stacks!(a_session_that_ended_meanwhile_changes_no_name, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, owner) = app.person("Ada Lovelace").await;
    let thief = app.client();
    let _ = ada.sign_in(&thief).await;
    let id = session_id(&thief).await;
    let held = app.hold_form(&thief, "/profile", &[("name", "Mallory")]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _ = owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    assert_eq!(held.finish().await.status, 401);
    let _ = owner.get("/profile").await.expect(200).lacks("Mallory");
});

on_both_stacks!(an_administrator_who_is_none_any_more_finishes_nothing, |stack| async {
    let (app, _) = start(stack).await;
    let (_, owner) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    owner.post(&format!("{}/deactivate", app.admin_path(&bob)), &[]).await.expect(303);
    let (ada_path, bob_path) = (app.admin_path(&ada), app.admin_path(&bob));
    let ada_session = session_id(&client).await;
    for (way, status) in [("end", 401), ("deactivate", 401), ("role", 403)] {
        let (eve, thief) = app.admin(&format!("Eve {way}")).await;
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
        let mut held = Vec::new();
        for (path, fields) in &forms {
            held.push((path, app.hold_form(&thief, path, fields).await));
        }
        // Until all of them have been let in.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let path = match way {
            "end" => format!("/admin/sessions/{}", session_id(&thief).await),
            _ => app.admin_path(&eve),
        };
        let _ = owner
            .post(&format!("{path}/{way}"), &[("role", "user")][..usize::from(way == "role")])
            .await
            .expect(303);
        let before = app.access();
        for (path, form) in held {
            let answer = form.finish().await;
            assert_eq!(answer.status, status, "{way}: {path}\n{}", answer.text);
            assert!(!answer.text.contains(&ada.email), "{way}: {path} shows people");
            assert_eq!(app.access(), before, "{way}: {path}");
        }
    }
});

#[actix_web::test]
async fn a_role_that_was_taken_meanwhile_gives_none_to_others() {
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
async fn an_end_of_many_stops_when_its_administrator_is_none_any_more() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", "1300", "--ended", "0"]);
    let (_, other) = app.admin("Grace Hopper").await;
    let admin = app.client();
    demo::sign_in_as_admin(&admin, &password).await;
    let preview =
        admin.post("/admin/sessions/end", &[("role", "user"), ("reason", "Drill")]).await.expect(200);
    let expected: usize = preview.value_of("expected").unwrap().parse().unwrap();
    assert!(expected > 1_000, "{expected}");
    // Of the first thousand one is held; of the others none begins before that has ended.
    let lock = app.lock_eleventh_session();
    let form = preview.form("/admin/sessions/end");
    let answer = admin.post("/admin/sessions/end", &form.with(&[])).await.expect(303);
    eventually(|| async { app.count_ended_as("ended_by_admin") == 750 }).await;
    app.demote(demo::ADMIN_EMAIL);
    lock.commit();
    let page = other.get(answer.location().unwrap()).await.expect(200);
    assert_page(&page);
    page.has("1,000 sessions were ended.").has("the administrator who began it is none any more");
    assert_eq!(app.count_ended_as("ended_by_admin"), 1000);
}
