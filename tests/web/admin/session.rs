//! Tests `/admin/sessions/{id}`, the page with all details of one session.

use crate::support::*;

on_both_stacks!(admin_session_unknown_id_404, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for unknown in ["aaaaaaaaaaaaaaaaaaaaaa", "%00", "a%00b", "%ff", "..", "%F0%9F%98%80", &"a".repeat(3_000)]
    {
        let page = admin.get(&format!("/admin/sessions/{unknown}")).await;
        assert_eq!(page.status, 404, "{}", page.summary());
        let page = admin.post(&format!("/admin/sessions/{unknown}/end"), &[("reason", "")]).await;
        assert_eq!(page.status, 404, "{}", page.summary());
    }
});

on_both_stacks!(admin_session_page_shows_details_without_secrets, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client().bound_to([127, 0, 3, 4]));
    ada.register(&client).await;
    ada.sign_in_remembered(&client).await;
    let id = app.session_of(&ada);
    let page = admin.get(&format!("/admin/sessions/{id}")).await.expect(200);
    assert_page(&page);
    let mut page = page.has("Firefox 140 on Linux").has("127.0.3.4").has("Active").has(&id).has(FIREFOX);
    for fact in [
        &*ada.name,
        &*ada.email,
        "Signed in",
        "Last seen",
        "Yes, it outlives",
        "Ends if not used",
        "Ends in any case",
    ] {
        page = page.has(fact);
    }
    let state: serde_json::Value = serde_json::from_str(&page.texts("pre")[0]).unwrap();
    assert!(state.to_string().contains(&id), "{state}");
    for secret in [app.password_hashes(), app.store_keys()].concat() {
        assert!(!page.body.contains(&secret), "{secret} is on the page");
    }
    let cookie = client.cookie("gatehouse").unwrap().value;
    assert!(!page.body.contains(&cookie) && !page.body.contains("argon2") && !page.body.contains(PASSWORD));
});

on_both_stacks!(demoted_admin_next_request_403, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    admin.get("/admin/sessions").await.expect(200);
    app.demote(&grace);
    admin.get("/admin/sessions").await.expect(403);
    admin.post(&format!("/admin/sessions/{}/end", app.session_of(&ada)), &[]).await.expect(403);
    client.get("/profile").await.expect(200);
});
