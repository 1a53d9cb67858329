//! Tests people with very many sessions: changes are waited for, lists come in pages, and a name is not written into history.

use crate::support::*;

/// Most work on the database may take four times as long: less than these changes take.
const STORE_TIMEOUT: &str = "200ms";

const MANY: usize = 30_000;

/// A person with so many sessions, with one of them, and an administrator.
async fn with_sessions(stack: Stack, count: usize) -> (TestApp, Person, Client, Client) {
    // On a busy machine such a change takes half a minute.
    let app = TestApp::builder(stack).var("SESSION_LIMIT", 0).var("REQUEST_TIMEOUT", "5m");
    let mut app = app.start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    app.copy_session(&app.session_of(&ada), count);
    app.restart_with(&[("STORE_TIMEOUT", STORE_TIMEOUT)]).await;
    for client in [&client, &admin] {
        eventually(|| async { client.get("/profile").await.status == 200 }).await;
    }
    (app, ada, client, admin)
}

on_both_stacks!(end_others_of_many_sessions_is_waited_for, |stack| async {
    let (app, ada, client, _) = with_sessions(stack, MANY).await;
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    assert_eq!(app.active_sessions_of(&ada).len(), 1);
    eventually(|| async { client.get("/sessions").await.status == 200 }).await;
});

on_both_stacks!(role_change_of_user_with_many_sessions_is_waited_for, |stack| async {
    let (app, ada, _, admin) = with_sessions(stack, MANY).await;
    for role in ["admin", "user"] {
        let path = format!("{}/role", app.admin_path(&ada));
        admin.post(&path, &[("role", role)]).await.to(&app.admin_path(&ada));
        assert_eq!(app.role_of(&ada), role);
    }
});

on_both_stacks!(new_name_is_written_to_live_sessions_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Byron").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let other = app.client();
    ada.sign_in(&other).await;
    other.post("/logout", &[]).await.to("/");
    client.post("/profile", &[("name", "Ada Lovelace")]).await.expect(303);
    assert_eq!(app.session_names(&ada, false), ["ada lovelace"]);
    assert_eq!(app.session_names(&ada, true), ["ada byron"]);
    // The list of ended sessions knows the name of today all the same.
    let ended = |name: &str| format!("/admin/sessions?state=ended&q={name}");
    admin.get(&ended("lovelace")).await.expect(200).has(&ada.email);
    admin.get(&ended("ada+byron")).await.expect(200).lacks(&ada.email);
});

on_both_stacks!(my_sessions_come_in_pages_with_this_one_first, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for _ in 0..54 {
        ada.sign_in(&app.client()).await.expect(303);
    }
    let first = client.get("/sessions").await.expect(200).lacks("only device");
    assert_page(&first);
    let cards = first.texts("li.session");
    assert_eq!(cards.len(), 51);
    assert!(cards[0].contains("This device"), "{}", cards[0]);
    let pages = client.all_pages("/sessions").await;
    let mut ids: Vec<String> = pages.iter().flat_map(|page| page.attributes("li.session", "id")).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((pages.len(), count, ids.len()), (2, 55, 55));
    for after in ["x", "1.!", "99999999999999999999.a"] {
        let page = client.get(&format!("/sessions?after={after}")).await.expect(422);
        assert_page(&page);
        assert!(page.body.contains("doesn't exist") || page.body.contains("doesn&#39;t exist"), "{after}");
    }
});

on_both_stacks!(session_limit_is_100_by_default, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    // More than one statement of SQLite can name.
    app.copy_session(&app.session_of(&ada), if stack == Stack::Sqlite { 33_000 } else { 1_500 });
    ada.sign_in(&app.client()).await.expect(303);
    assert_eq!(app.active_sessions_of(&ada).len(), 100);
});
