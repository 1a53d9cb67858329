//! Tests `gatehouse demo`, which fills an empty site with sample users and sessions.

use crate::support::{demo, *};

on_both_stacks!(demo_fill_makes_consistent_site, |stack| async {
    let app = TestApp::start(stack).await;
    let finished = demo::run(&app, &["--users", "40", "--sessions", "120", "--ended", "300"]);
    assert!(finished.status.success(), "{finished:?}");
    assert!(
        finished.stdout.contains("Made 40 people with 120 active and 300 ended sessions"),
        "{finished:?}"
    );

    let admin = app.client();
    let _ = demo::sign_in_as_admin(&admin, &demo::password_in(&finished)).await;
    let first = admin.get("/admin/sessions").await.expect(200).has("121").has("active sessions");
    assert_page(&first);
    assert_eq!(first.texts("table .email").len(), 50);
    assert_lists_complete(&admin).await;

    assert_eq!(app.plausible_active_sessions(), 121);
    app.assert_plausible();

    // People can still come.
    let (_, _) = app.person("New Person").await;
});

/// Asserts that each list of sessions has every session once and says how many there are.
async fn assert_lists_complete(admin: &Client) {
    // Every page confirms its rows with the store: no session is missing there.
    for query in [
        "",
        "sort=started",
        "sort=started&idle_over=1h",
        "older_than=1d",
        "state=ended",
        "state=ended&sort=started",
        "state=ended&older_than=20d",
        "state=ended&idle_over=20d",
        "state=ended&idle_over=10d&older_than=40d&q=o",
    ] {
        let mut ids = Vec::new();
        let mut counts = Vec::new();
        for page in admin.all_pages(&format!("/admin/sessions?{query}")).await {
            counts.extend(page.texts(".summary .count strong"));
            ids.extend(page.attributes("tbody tr", "id"));
        }
        let rows = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), rows, "{query}: every session once");
        counts.dedup();
        assert_eq!(counts, [rows.to_string()], "{query}");
        match query {
            "" | "sort=started" => assert_eq!(rows, 121),
            "state=ended" | "state=ended&sort=started" => assert_eq!(rows, 300),
            _ => assert!((1..300).contains(&rows), "{query}: {rows}"),
        }
    }
}

on_both_stacks!(demo_fill_refuses_site_with_users, |stack| async {
    let app = TestApp::start(stack).await;
    let _ = app.person("Ada Lovelace").await;
    let refused = demo::run(&app, &["--users", "5"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("has users already"), "{refused:?}");
    assert_eq!(app.user_count(), 1);
});

#[test]
fn demo_fill_refuses_zero_users() {
    let refused = Program::run(&["demo", "--users", "0"], &[], "");
    assert!(!refused.status.success() && refused.stderr.contains("--users"), "{refused:?}");
}
