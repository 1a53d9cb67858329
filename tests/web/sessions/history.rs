//! Tests how long ended sessions and events are kept, and that nobody without an account makes rows.

use crate::support::{
    routes::{Access, session_routes},
    *,
};

/// Long ago, and more than one batch.
const LONG_AGO: &str = "2020-01-01 00:00:00";
const OLD_ROWS: usize = 450;

on_both_stacks!(history_older_than_its_limit_is_deleted, |stack| async {
    let mut app = TestApp::builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let session = app.session_of(&ada);
    app.copy_session(&session, OLD_ROWS);
    let copies: Vec<String> = app.session_ids().into_iter().filter(|id| *id != session).collect();
    app.end_long_ago(&session, LONG_AGO);
    app.insert_events(&vec![(LONG_AGO, "signed_in", None, Some("old")); OLD_ROWS]);
    app.insert_bulk_end("old", true, 1, 1);
    app.insert_held_bulk_end("new", 1, 1);
    // Ended just now.
    let other = app.client();
    ada.sign_in(&other).await;
    other.post("/logout", &[]).await.expect(303);
    let kept = app.event_count() - OLD_ROWS;
    assert_eq!((copies.len(), app.session_ids().len()), (OLD_ROWS, OLD_ROWS + 2));

    app.restart_with(&[("SESSION_HISTORY", "1h"), ("EVENT_HISTORY", "1h")]).await;
    eventually(|| async { app.session_ids().len() == 2 && app.event_count_with("old") == 0 }).await;
    eventually(|| async { app.bulk_end_ids() == ["new"] }).await;
    assert_eq!(app.event_count(), kept, "newer events stay");
    assert_eq!(app.active_sessions_of(&ada), [session], "a session that goes on stays");
    client.get("/profile").await.expect(200);
});

on_both_stacks!(history_of_sessions_and_of_events_are_apart, |stack| async {
    let mut app = TestApp::builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let session = app.session_of(&ada);
    app.copy_session(&session, 1);
    app.end_long_ago(&session, LONG_AGO);
    app.insert_event(LONG_AGO, "signed_in", &app.user_id(&ada), "old");
    app.restart_with(&[("EVENT_HISTORY", "1h")]).await;
    eventually(|| async { app.event_count_with("old") == 0 }).await;
    assert_eq!(app.session_ids().len(), 2, "SESSION_HISTORY is forever");
    app.insert_event(LONG_AGO, "signed_in", &app.user_id(&ada), "old");
    app.restart_with(&[("SESSION_HISTORY", "1h"), ("EVENT_HISTORY", "forever")]).await;
    eventually(|| async { app.session_ids().len() == 1 }).await;
    assert_eq!(app.event_count_with("old"), 1, "EVENT_HISTORY is forever");
});

on_both_stacks!(expired_links_are_deleted_and_invitations_stay, |stack| async {
    let mut app = TestApp::builder(stack).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let send = format!("/admin/users/{}/send-reset", app.user_id(&ada));
    admin.post(&send, &[]).await.expect(200);
    let invitation = [("name", "Alan Turing"), ("email", "alan@example.org"), ("role", "user")];
    admin.post("/admin/users", &invitation).await.expect(201);
    assert_eq!(app.user_token_count(), 2);
    app.expire_tokens();
    app.restart().await;
    eventually(|| async { app.user_token_count() == 1 }).await;
    assert_eq!(app.user_tokens()[0][0], "invite", "whoever was invited still counts as invited");
});

on_both_stacks!(visitors_add_no_rows, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, _) = app.person("Ada Lovelace").await;
    let before = app.written();
    let garbage = [
        ("token", "x".repeat(43)),
        ("name", "Mallory".to_owned()),
        ("email", "mallory@example.org".to_owned()),
        ("password", "short".to_owned()),
        ("password_confirmation", "other".to_owned()),
        ("next", "/profile".to_owned()),
    ];
    let garbage: Vec<(&str, &str)> = garbage.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // A failed sign-in is the one thing that is noted; those are summed.
    let routes = session_routes().into_iter().filter(|route| route.path != "/login");
    for route in routes {
        let path = route.path.replace("{id}", "aaaaaaaaaaaaaaaaaaaaaa").replace("{path:.*}", "x.html");
        let path = path.replace("{path:admin(?:/.*)?}", "admin/x.html");
        for cookie in ["", "gatehouse=stale", "gatehouse-site=stale; gatehouse-site-state=stale"] {
            let client = app.client();
            let request =
                client.request(route.method.as_str().parse().unwrap(), &path).header("cookie", cookie);
            let answer = match route.method.as_str() {
                "POST" => request.form(&garbage).send().await,
                _ => request.send().await,
            };
            assert!(answer.status < 500, "{}", answer.summary());
            assert!(route.access == Access::Public || answer.status != 200, "{}", answer.summary());
        }
    }
    assert_eq!(app.written(), before);
});
