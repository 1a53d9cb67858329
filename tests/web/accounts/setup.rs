//! Tests `/setup`, where a one-time link creates the first administrator.

use crate::support::*;

fn fields<'a>(token: &'a str, name: &'a str, email: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("token", token),
        ("name", name),
        ("email", email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ]
}

fn link_of(app: &TestApp) -> String {
    app.setup_link().expect("there are no users").to_owned()
}

fn token_of(app: &TestApp) -> String {
    link_of(app).strip_prefix("/setup?token=").unwrap().to_owned()
}

on_both_stacks!(setup_link_makes_one_admin_then_404, |stack| async {
    let app = TestApp::start(stack).await;
    assert_eq!(app.user_count(), 0, "there is no default account");
    let (link, token, client) = (link_of(&app), token_of(&app), app.client());
    let page = client.get(&link).await.expect(200);
    assert_page(&page);
    let form = page.form("/setup");
    let filled = form.with(&fields(&token, "Grace Hopper", "grace@example.org"));
    client.post("/setup", &filled).await.to("/admin/sessions");
    let _ =
        client.get("/admin/sessions").await.expect(200).has("first administrator").has("grace@example.org");

    app.client().get(&link).await.expect(404);
    let again = fields(&token, "Eve", "eve@example.org");
    let page = app.client().post("/setup", &again).await.expect(404);
    assert_page(&page);
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.second_instance().await.setup_link(), None);
});

on_both_stacks!(setup_invalid_422_keeps_token_and_input, |stack| async {
    let app = TestApp::start(stack).await;
    let (token, client) = (token_of(&app), app.client());
    let mut sent = fields(&token, "Grace Hopper", "grace");
    sent[3].1 = "password1";
    sent[4].1 = "password1";
    let page = client.post("/setup", &sent).await.expect(422);
    assert_page(&page);
    assert!(page.field_error("email").is_some() && page.field_error("password").is_some());
    assert_eq!(page.value_of("name").as_deref(), Some("Grace Hopper"));
    assert_eq!(page.value_of("token").as_deref(), Some(token.as_str()));
    let form = page.form("/setup");
    let filled = form.with(&fields(&token, "Grace Hopper", "grace@example.org"));
    client.post("/setup", &filled).await.to("/admin/sessions");
});

on_both_stacks!(setup_link_404_after_first_user, |stack| async {
    let app = TestApp::start(stack).await;
    let (link, token) = (link_of(&app), token_of(&app));
    app.person("Ada Lovelace").await;
    app.client().get(&link).await.expect(404);
    app.client().post("/setup", &fields(&token, "Eve", "eve@example.org")).await.expect(404);
    assert_eq!(app.administrators(), Vec::<String>::new());
});

on_both_stacks!(setup_wrong_or_expired_token_404, |stack| async {
    let app = TestApp::start(stack).await;
    let old = token_of(&app);
    let next = app.second_instance().await;
    for path in ["/setup", "/setup?token=", "/setup?token=guess", &format!("/setup?token={old}")] {
        next.client().get(path).await.expect(404);
    }
    next.client().get(&link_of(&next)).await.expect(200);
    let token = token_of(&next);
    app.expire_tokens();
    next.client().post("/setup", &fields(&token, "Eve", "eve@example.org")).await.expect(404);
    assert_eq!(app.user_count(), 0);
    let kept = app.token_hashes();
    assert!(kept.len() == 1 && kept.iter().all(|hash| hash.len() == 64 && *hash != token));
});

on_both_stacks!(setup_race_makes_one_admin, |stack| async {
    let app = TestApp::start(stack).await;
    let (token, one, two) = (token_of(&app), app.client(), app.client());
    let (first, second) =
        (fields(&token, "Grace", "grace@example.org"), fields(&token, "Ada", "ada@example.org"));
    let (first, second) = tokio::join!(one.post("/setup", &first), two.post("/setup", &second));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404]);
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.session_ids().len(), 1);
});
