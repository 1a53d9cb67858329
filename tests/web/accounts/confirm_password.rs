//! Tests `/confirm-password`: sensitive actions require the password again when it was last entered too long ago.

use crate::support::{
    admin_pages::link_on,
    test_routes::{session_id, start},
    *,
};

fn confirm_path(back: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    format!("/confirm-password?next={next}")
}

/// Asserts that the form for confirming the password refuses wrong ones and keeps the path to go on with.
async fn assert_wrong_passwords_refused(admin: &Client, path: &str) {
    let page = admin.get(&confirm_path(path)).await.expect(200);
    assert_page(&page);
    assert_eq!(page.value_of("next").as_deref(), Some(path));
    for wrong in ["", "wrong", "Violet-anchor-93-maple"] {
        let page = admin.post("/confirm-password", &[("password", wrong), ("next", path)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("password").is_some());
        assert_eq!(page.value_of("next").as_deref(), Some(path));
        assert!(wrong.is_empty() || !page.body.contains(wrong));
    }
}

on_both_stacks!(account_changes_require_recent_password, |stack| async {
    let (app, _) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let path = app.admin_path(&ada);
    assert!(
        !admin.get(&path).await.body.contains("/confirm-password"),
        "the sign-in counts as a confirmation"
    );
    app.forget_confirmations();

    let events = || app.event_count();
    let before = events();
    let invitation = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    let _ = admin.post("/admin/users", &invitation).await.to(&confirm_path("/admin/users"));
    for action in ["role", "deactivate", "activate", "end-sessions", "send-reset"] {
        let fields: &[_] = if action == "role" { &[("role", "admin")] } else { &[] };
        let _ = admin.post(&format!("{path}/{action}"), fields).await.to(&confirm_path(&path));
    }
    assert_eq!((events(), signed_in(&client).await), (before, true), "nothing was changed");
    let problem = admin.request(reqwest::Method::POST, &format!("{path}/deactivate")).form(&[]);
    let problem = problem.header("accept", "application/json").send().await.expect(403);
    assert!(problem.json()["detail"].as_str().unwrap().contains("/confirm-password"));
    for page in ["/admin/users", &path] {
        let page = admin.get(page).await.expect(200).has("Confirm it first");
        assert_page(&page);
    }

    assert_wrong_passwords_refused(&admin, &path).await;
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.to(&confirm_path(&path));
    let failures = app.event_users("confirmation_failed");
    assert_eq!(
        failures,
        vec![vec![Some(app.user_id(&grace)); 2]; 2],
        "an empty password is not recorded as an attempt"
    );

    let (id, old) = (session_id(&admin).await, admin.copy());
    let answer = admin.post("/confirm-password", &[("password", PASSWORD), ("next", &path)]).await.to(&path);
    assert!(new_cookie(&answer).is_some());
    assert!(!signed_in(&old).await, "the old key is rejected");
    assert_eq!(session_id(&admin).await, id, "the session id is unchanged");
    let page = admin.get(&path).await.expect(200).has("Now you can go on");
    assert!(!page.body.contains("Confirm it first"));
    let _ = link_on(&admin.post(&format!("{path}/send-reset"), &[]).await.expect(200));
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    assert!(!signed_in(&client).await);
});

on_both_stacks!(bulk_end_requires_recent_password_preview_does_not, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    app.forget_confirmations();
    let fields = [("q", "ada"), ("reason", "Drill")];
    let preview = admin.post("/admin/sessions/end", &fields).await.expect(200);
    let form = preview.form("/admin/sessions/end");
    let back = "/admin/sessions?q=ada";
    let _ = admin.post("/admin/sessions/end", &form.with(&[])).await.to(&confirm_path(back));
    let _ = admin.get(&confirm_path(back)).await.expect(200).has("Nothing was changed yet");
    assert!(signed_in(&client).await);
    let _ = admin.post("/confirm-password", &[("password", PASSWORD), ("next", back)]).await.to(back);
    let _ = admin.post("/admin/sessions/end", &form.with(&[])).await.to("/admin/sessions");
    assert!(!signed_in(&client).await);
});

on_both_stacks!(password_confirmation_expires_after_ttl, |stack| async {
    let (app, _) = start(stack).await;
    let strict = app.instance_with(&[("CONFIRM_PASSWORD_TTL", "1s")]).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let path = format!("{}/activate", app.admin_path(&grace));
    let asking = admin.at(&strict);
    eventually(|| async {
        asking.post(&path, &[]).await.location().unwrap().starts_with("/confirm-password")
    })
    .await;
    let _ = admin.post(&path, &[]).await.to(&app.admin_path(&grace));
});

on_both_stacks!(password_confirmation_keeps_remembered_and_local_next, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let _ = ada.sign_in_remembered(&client).await;
    for (next, to) in [
        ("", "/profile"),
        ("//evil.example", "/profile"),
        ("https://evil.example", "/profile"),
        ("/\\evil.example", "/profile"),
        ("/sessions", "/sessions"),
    ] {
        let page = client.get(&confirm_path(next)).await.expect(200);
        assert!(!page.body.contains("evil"), "{next}");
        let fields = [("password", PASSWORD), ("next", next)];
        let answer = client.post("/confirm-password", &fields).await.to(to);
        assert!(new_cookie(&answer).unwrap().max_age().is_some());
    }
});
