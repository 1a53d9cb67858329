//! Tests requests whose session or role is revoked while they run: they change nothing. Also tests that a change of the
//! session keeps its cookie's lifetime.

use std::{rc::Rc, time::Duration};

use crate::{admin_users::path_of, demo, engine::*, support::*};

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
    let id = id_of(&thief).await;
    let stores = app.stores();
    let mut lock = stores.connect();
    lock.run("BEGIN; SELECT 1 FROM users FOR UPDATE");
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let held = send_form(&thief, "/profile/password", &fields);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event_type = 'Lock'";
    eventually(|| async { app.query_one(waits).as_deref() == Some("1") }).await;
    let _ = owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    lock.run("COMMIT");
    assert_eq!(new_cookie(&held.await.unwrap().expect(401)), None);
    assert!(!signed_in(&thief).await);
    assert!(signed_in(&owner).await, "an ended session signed the owner out");
    let _ = ada.sign_in(&app.client()).await;
}

on_both_stacks!(name_change_by_session_ended_meanwhile_401, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, owner) = app.person("Ada Lovelace").await;
    let thief = app.client();
    let _ = ada.sign_in(&thief).await;
    let id = id_of(&thief).await;
    let held = app.hold_form(&thief, "/profile", &[("name", "Mallory")]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _ = owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    assert_eq!(held.let_go().await.status, 401);
    let _ = owner.get("/profile").await.expect(200).lacks("Mallory");
});

/// Accounts, links, and the end times of sessions.
fn everything(app: &TestApp) -> Vec<Vec<Option<String>>> {
    let users = app.query_text("SELECT id, role, active, session_epoch FROM users ORDER BY id");
    let links = app.query_text("SELECT token_hash FROM tokens ORDER BY token_hash");
    [users, links, app.query_text("SELECT id, ended_at FROM sessions ORDER BY id")].concat()
}

on_both_stacks!(demoted_admin_requests_in_flight_change_nothing, |stack| async {
    let (app, _) = start(stack).await;
    let (_, owner) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    owner.post(&format!("{}/deactivate", path_of(&app, &bob)), &[]).await.expect(303);
    let (ada_path, bob_path) = (path_of(&app, &ada), path_of(&app, &bob));
    let ada_session = id_of(&client).await;
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
        let mut held = Vec::new();
        for (path, fields) in &forms {
            held.push((path, app.hold_form(&thief, path, fields).await));
        }
        // Waits until all requests have passed the access check.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let path = match revocation {
            "end" => format!("/admin/sessions/{}", id_of(&thief).await),
            _ => path_of(&app, &eve),
        };
        let _ = owner
            .post(&format!("{path}/{revocation}"), &[("role", "user")][..usize::from(revocation == "role")])
            .await
            .expect(303);
        let before = everything(&app);
        for (path, form) in held {
            let answer = form.let_go().await;
            assert_eq!(answer.status, status, "{revocation}: {path}\n{}", answer.text);
            assert!(!answer.text.contains(&ada.email), "{revocation}: {path} shows users");
            assert_eq!(everything(&app), before, "{revocation}: {path}");
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
    let stores = app.stores();
    let mut lock = stores.connect();
    lock.run("BEGIN; SELECT 1 FROM users FOR UPDATE");
    let held = send_form(&demoted, &format!("{}/role", path_of(&app, &ada)), &[("role", "admin")]);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event_type = 'Lock'";
    eventually(|| async { app.query_one(waits).as_deref() == Some("1") }).await;
    lock.run(&format!("UPDATE users SET role = 'user' WHERE id = {}; COMMIT", user_id(&app, &eve)));
    held.await.unwrap().expect(403);
    let role = format!("SELECT role FROM users WHERE id = {}", user_id(&app, &ada));
    assert_eq!(app.query_one(&role).as_deref(), Some("user"));
}

#[actix_web::test]
async fn bulk_end_stops_when_admin_is_demoted() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", "1300", "--ended", "0"]);
    let (_, other) = app.admin("Grace Hopper").await;
    let admin = app.client();
    admin.post("/login", &[("email", "admin@example.com"), ("password", &password)]).await.to("/profile");
    let preview =
        admin.post("/admin/sessions/end", &[("role", "user"), ("reason", "Drill")]).await.expect(200);
    let expected: usize = preview.value_of("expected").unwrap().parse().unwrap();
    assert!(expected > 1_000, "{expected}");
    // One session of the first thousand is locked; the next thousand starts only after the first has ended.
    let mut lock = app.stores().connect();
    lock.run(
        "BEGIN; SELECT 1 FROM sessions WHERE ended_at IS NULL AND role = 'user' \
         ORDER BY last_seen_at DESC LIMIT 1 OFFSET 10 FOR UPDATE",
    );
    let form = preview.form("/admin/sessions/end");
    let answer = admin.post("/admin/sessions/end", &form.with(&[])).await.expect(303);
    let ended = "SELECT count(*) FROM sessions WHERE end_reason = 'ended_by_admin'";
    eventually(|| async { app.query_one(ended).as_deref() == Some("750") }).await;
    app.sql("UPDATE users SET role = 'user' WHERE email_key = 'admin@example.com'");
    lock.run("COMMIT");
    let page = other.get(answer.location().unwrap()).await.expect(200);
    assert_page(&page);
    page.has("1,000 sessions were ended.").has("the administrator who began it is none any more");
    assert_eq!(app.query_one(ended).as_deref(), Some("1000"));
}
