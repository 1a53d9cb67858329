//! Tests `gatehouse demo`, which fills an empty site with sample users and sessions.

use crate::support::*;

fn demo(app: &TestApp, arguments: &[&str]) -> Finished {
    let secret = ("SESSION_SECRET".to_owned(), "d".repeat(64));
    let timeout = ("STORE_TIMEOUT".to_owned(), "5s".to_owned());
    let vars = [app.stores().vars(), vec![secret, timeout]].concat();
    Program::run(&[&["demo"], arguments].concat(), &vars, "")
}

/// Fills a test's site and returns the password that all users have.
pub fn fill(app: &TestApp, arguments: &[&str]) -> String {
    let finished = demo(app, arguments);
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout.trim().rsplit(' ').next().unwrap().to_owned()
}

on_both_stacks!(demo_fill_makes_consistent_site, |stack| async {
    let app = TestApp::start(stack).await;
    let finished = demo(&app, &["--users", "40", "--sessions", "120", "--ended", "300"]);
    assert!(finished.status.success(), "{finished:?}");
    assert!(
        finished.stdout.contains("Made 40 people with 120 active and 300 ended sessions"),
        "{finished:?}"
    );
    let password = finished.stdout.trim().rsplit(' ').next().unwrap().to_owned();

    let admin = app.client();
    let fields = [("email", "admin@example.com"), ("password", password.as_str())];
    let _ = admin.post("/login", &fields).await.to("/profile");
    let first = admin.get("/admin/sessions").await.expect(200).has("121").has("active sessions");
    assert_page(&first);
    assert_eq!(first.texts("table .email").len(), 50);
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
        let mut next = Some(format!("/admin/sessions?{query}"));
        while let Some(path) = next {
            let page = admin.get(&path).await.expect(200);
            counts.extend(page.texts(".summary .count strong"));
            ids.extend(page.attributes("tbody tr", "id"));
            next = page.attributes("nav.pages a[rel=next]", "href").pop();
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

    let active = app.query_one("SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > last_seen_at AND created_at <= last_seen_at");
    assert_eq!(active.as_deref(), Some("121"));
    let wrong = app.query_one("SELECT count(*) FROM sessions WHERE ended_at < created_at OR ended_at < last_seen_at OR end_reason IS NULL AND ended_at IS NOT NULL");
    assert_eq!(wrong.as_deref(), Some("0"));
    let unknown = app.query_one("SELECT count(*) FROM sessions WHERE ended_at IS NULL AND user_agent NOT LIKE 'curl%' AND (browser = '' OR os = '' OR device = 'unknown')");
    assert_eq!(unknown.as_deref(), Some("0"));
    let strange = "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE sessions.role <> users.role \
                   OR person NOT LIKE '%\n' || email_key OR length(person) <> length(name) + 1 + length(email_key)";
    assert_eq!(app.query_one(strange).as_deref(), Some("0"));
    let ordered =
        app.query_one("SELECT count(*) FROM events a JOIN events b ON b.id = a.id + 1 WHERE b.at < a.at");
    assert_eq!(ordered.as_deref(), Some("0"), "the log is in chronological order");

    // New users can still register.
    let (_, _) = app.person("New Person").await;
});

on_both_stacks!(demo_fill_refuses_site_with_users, |stack| async {
    let app = TestApp::start(stack).await;
    let _ = app.person("Ada Lovelace").await;
    let refused = demo(&app, &["--users", "5"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("has users already"), "{refused:?}");
    assert_eq!(app.query_one("SELECT count(*) FROM users").as_deref(), Some("1"));
});

#[test]
fn demo_fill_refuses_zero_users() {
    let refused = Program::run(&["demo", "--users", "0"], &[], "");
    assert!(!refused.status.success() && refused.stderr.contains("--users"), "{refused:?}");
}
