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

/// Asserts that the page by itself refuses wrong passwords and keeps the path to go on with.
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

/// The form on the page that asks for the password before a form is carried out.
#[track_caller]
fn carried_form(answer: Answer, action: &str) -> Form {
    assert_page(&answer);
    let page = answer.has("Confirm your password").has("what you sent is carried out");
    let form = page.form(action);
    assert!(
        form.fields.iter().any(|(name, value)| name == "confirm_password" && value.is_empty()),
        "{form:?}"
    );
    form
}

on_both_stacks!(account_changes_require_recent_password, |stack| async {
    let (app, _) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let path = app.admin_path(&ada);
    app.forget_confirmations();

    let events = || app.event_count();
    let before = events();
    let invitation = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    carried_form(admin.post("/admin/users", &invitation).await.expect(403), "/admin/users");
    for action in ["role", "deactivate", "activate", "end-sessions", "send-reset"] {
        let fields: &[_] = if action == "role" { &[("role", "admin")] } else { &[] };
        let action = format!("{path}/{action}");
        let page = admin.post(&action, fields).await.expect(403);
        assert_eq!(page.attributes("main .below a", "href"), std::slice::from_ref(&path));
        carried_form(page, &action);
    }
    assert_eq!((events(), signed_in(&client).await), (before, true), "nothing was changed");
    let problem = admin.request(reqwest::Method::POST, &format!("{path}/deactivate")).form(&[]);
    let problem = problem.header("accept", "application/json").send().await.expect(403);
    assert!(problem.json()["detail"].as_str().unwrap().contains("/confirm-password"));

    assert_wrong_passwords_refused(&admin, &path).await;
    admin.post(&format!("{path}/deactivate"), &[]).await.expect(403);
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
    let _ = admin.get(&path).await.expect(200).has("Now you can go on");
    let _ = link_on(&admin.post(&format!("{path}/send-reset"), &[]).await.expect(200));
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    assert!(!signed_in(&client).await);
});

on_both_stacks!(form_is_carried_out_once_the_password_was_given, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    app.forget_confirmations();
    let typed = [("name", "Eve & <i>Adam</i>"), ("email", "eve+1@example.org"), ("role", "admin")];
    let form = admin.get("/admin/users").await.expect(200).form("/admin/users");
    let form = carried_form(admin.post("/admin/users", &form.with(&typed)).await.expect(403), "/admin/users");
    for field in typed {
        assert!(form.fields.contains(&(field.0.to_owned(), field.1.to_owned())), "{form:?}");
    }
    for wrong in ["", "wrong"] {
        let page = admin.post("/admin/users", &form.with(&[("confirm_password", wrong)])).await.expect(422);
        assert!(page.field_error("confirm_password").is_some() && !page.body.contains("value=\"wrong"));
        assert_eq!(carried_form(page, "/admin/users"), form, "what was typed is kept");
    }
    assert_eq!(app.user_count(), 2);
    let old = admin.copy();
    let right = form.with(&[("confirm_password", PASSWORD)]);
    let _ = link_on(&admin.post("/admin/users", &right).await.expect(201).has("Eve & <i>Adam</i>"));
    assert!(!signed_in(&old).await, "the key was rotated, as at a sign-in");
    assert_eq!(app.role_of("eve+1@example.org"), "admin");
    // It counts as given for the next ones too.
    let path = app.admin_path(&ada);
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    assert!(!signed_in(&client).await);
});

on_both_stacks!(bulk_end_requires_recent_password_preview_does_not, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    app.forget_confirmations();
    let list = admin.get("/admin/sessions?q=ada&sort=started").await.expect(200).form("/admin/sessions/end");
    let fields = list.with(&[("reason", "Drill"), ("note", "Planned")]);
    let preview = admin.post("/admin/sessions/end", &fields).await.expect(200);
    let form = preview.form("/admin/sessions/end");
    let page = admin.post("/admin/sessions/end", &form.with(&[])).await.expect(403);
    assert_eq!(page.attributes("main .below a", "href"), ["/admin/sessions?q=ada&sort=started"]);
    let form = carried_form(page, "/admin/sessions/end");
    assert!(signed_in(&client).await);
    let right = form.with(&[("confirm_password", PASSWORD)]);
    let _ = admin.post("/admin/sessions/end", &right).await.to("/admin/sessions?q=ada&sort=started");
    assert!(!signed_in(&client).await);
    assert_eq!(app.end_messages("ended_by_admin"), ["Drill"]);
    assert_eq!(app.end_notes("ended_by_admin"), ["Planned"]);
});

on_both_stacks!(own_sessions_end_only_with_recent_password, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, stranger) = app.person("Grace Hopper").await;
    let others: Vec<Client> = (0..3).map(|_| app.client()).collect();
    for other in &others {
        ada.sign_in(other).await;
    }
    app.forget_confirmations();
    let end = format!("/sessions/{}/end", session_id(&others[0]).await);
    let page = client.post(&end, &[]).await.expect(403);
    assert_eq!(page.attributes("main .below a", "href"), ["/sessions"]);
    let page = page.has("You are about to end your session on Firefox 140 on Linux.");
    assert_eq!(page.texts("main button"), ["End session"]);
    let form = carried_form(page, &end);
    let _ = client.post(&end, &form.with(&[("confirm_password", "wrong")])).await.expect(422);
    let page = client.post("/sessions/end-others", &[]).await.expect(403);
    let all = carried_form(page.has("You are about to end your 3 other sessions."), "/sessions/end-others");
    for other in &others {
        assert!(signed_in(other).await, "ended without the password");
    }
    // That there is such a session is not told to others, who may not end it with the password either.
    let _ = stranger.post(&end, &[]).await.expect(404);

    let _ = client.post(&end, &form.with(&[("confirm_password", PASSWORD)])).await.to("/sessions");
    assert_eq!([signed_in(&others[0]).await, signed_in(&others[1]).await], [false, true]);
    app.forget_confirmations();
    let right = all.with(&[("confirm_password", PASSWORD)]);
    let _ = client.post("/sessions/end-others", &right).await.to("/sessions");
    assert!(!signed_in(&others[1]).await && !signed_in(&others[2]).await && signed_in(&client).await);
    assert_eq!(app.end_reasons(), ["ended_by_user"; 3]);
    // Signing out never needs it.
    app.forget_confirmations();
    let _ = client.post("/logout", &[]).await.to("/");
});

on_both_stacks!(confirm_page_says_what_is_about_to_be_done, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    ada.sign_in(&app.client()).await;
    app.person("Bob Bemer").await;
    app.forget_confirmations();
    let (path, session) = (app.admin_path(&ada), session_id(&client).await);
    let invitation = [("name", "Eve"), ("email", "eve@example.org"), ("role", "admin")];
    let many = |q, count| [("q", q), ("reason", "x"), ("confirm", "yes"), ("expected", count)];
    let role: &[_] = &[("role", "admin")];
    for (action, fields, sentence) in [
        ("/admin/users".to_owned(), &invitation[..], "invite Eve (eve@example.org) as an administrator"),
        (format!("{path}/role"), role, "make Ada Lovelace an administrator"),
        (
            format!("{path}/deactivate"),
            &[],
            "deactivate the account of Ada Lovelace, which ends all its sessions",
        ),
        (format!("{path}/activate"), &[], "activate the account of Ada Lovelace"),
        (format!("{path}/send-reset"), &[], "mail Ada Lovelace a link to choose a password"),
        (format!("{path}/end-sessions"), &[], "end 2 sessions of Ada Lovelace"),
        (
            format!("/admin/sessions/{session}/end"),
            &[],
            "end the session of Ada Lovelace on Firefox 140 on Linux",
        ),
        ("/admin/sessions/end".to_owned(), &many("lovelace", "2"), "end 2 sessions of Ada Lovelace"),
        ("/admin/sessions/end".to_owned(), &many("b", "1"), "end 1 session of Bob Bemer"),
        ("/admin/sessions/end".to_owned(), &many("e", "3"), "end 3 sessions of 2 people"),
    ] {
        let page = admin.post(&action, fields).await.expect(403);
        let page = page.has(&format!("You are about to {sentence}."));
        carried_form(page, &action);
    }
    let unknown = admin.post("/admin/users/999999/deactivate", &[]).await.expect(404);
    assert_page(&unknown);
    assert!(signed_in(&client).await);
});

on_both_stacks!(confirmation_in_the_future_does_not_count, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let path = app.admin_path(&ada);
    for (seconds_from_now, status) in
        [(60, 403), (86_400, 403), (i64::MAX / 4, 403), (-601, 403), (-500, 303), (1, 303)]
    {
        app.set_confirmations(seconds_from_now);
        let answer = admin.post(&format!("{path}/end-sessions"), &[]).await;
        assert_eq!(answer.status, status, "{seconds_from_now}: {}", answer.summary());
    }
});

on_both_stacks!(password_confirmation_expires_after_ttl, |stack| async {
    let (app, _) = start(stack).await;
    let strict = app.instance_with(&[("CONFIRM_PASSWORD_TTL", "1s")]).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let path = format!("{}/activate", app.admin_path(&grace));
    let asking = admin.at(&strict);
    eventually(|| async { asking.post(&path, &[]).await.status == 403 }).await;
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
