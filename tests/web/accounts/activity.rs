//! Tests `/activity`, where users see the security log of their own account.

use crate::support::*;

on_both_stacks!(activity_lists_own_events_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page = client.get("/activity").await.expect(200);
    assert_page(&page);
    assert_eq!(page.texts(".events li > p:first-child"), ["Signed in This device", "Account created"]);

    let thief = app.client().bound_to([127, 0, 9, 9]).user_agent("curl/8.14.1");
    thief.post("/login", &[("email", &ada.email), ("password", "wrong")]).await.expect(401);
    client.post("/profile", &[("name", "Ada <b>King</b>")]).await.to("/profile");
    let other = app.client();
    ada.sign_in(&other).await;
    admin
        .post(
            &format!("/admin/sessions/{}/end", app.newest_session_of(&ada)),
            &[("reason", "lost <i>laptop</i>")],
        )
        .await;
    let page = client.get("/activity").await.expect(200);
    assert_page(&page);
    let kinds = page.texts(".events li > p:first-child");
    let kinds: Vec<&str> = kinds.iter().map(|what| what.trim_end_matches(" This device")).collect();
    let expected = [
        "Session ended by an administrator",
        "Signed in",
        "Name changed",
        "Sign-in failed",
        "Signed in",
        "Account created",
    ];
    assert_eq!(kinds, expected);
    let page = page.has("127.0.9.9").has("curl 8").has("Firefox 140 on Linux").has("lost <i>laptop</i>");
    page.lacks("Grace").lacks("grace.hopper");
    let admins = admin.get("/activity").await.expect(200).lacks("127.0.9.9");
    assert_page(&admins);
});

on_both_stacks!(activity_pages_hold_fifty_events, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.user_id(&ada);
    for n in 0..110 {
        app.insert_event("2026-01-01 00:00:00", "name_changed", &id, &format!("number {n}"));
    }
    app.insert_event("2026-01-01 00:00:00", "name_changed", "424242", "number 999");
    let (mut sizes, mut all) = (Vec::new(), String::new());
    for page in client.all_pages("/activity").await {
        assert_page(&page);
        sizes.push(page.texts(".events li").len());
        all += &page.text();
    }
    assert_eq!(sizes, [50, 50, 12]);
    assert!((0..110).all(|n| all.contains(&format!("number {n}"))) && !all.contains("number 999"));
    client.get("/activity?after=1").await.expect(200).has("Nothing further");
    for after in ["nonsense", "-1", "0", "99999999999999999999", "%00"] {
        let page = client.get(&format!("/activity?after={after}")).await.expect(422);
        assert_page(&page);
    }
});
