//! Tests that one-time links die with a change of what their account is signed in to with, or of what it may do (WSTG-ATHN-09).

use crate::support::{
    admin_pages::{link_on, token_of},
    authenticator::Authenticator,
    *,
};

const NEW: &str = "umbrella-trout-58-canyon";

/// Makes a link for a user: a reset, or an invitation for whoever was invited.
async fn make_link(admin: &Client, path: &str) -> String {
    token_of(&link_on(&admin.post(&format!("{path}/send-reset"), &[]).await.expect(200)))
}

/// Asserts that nobody can choose a password with the link.
async fn assert_dead(app: &TestApp, token: &str, why: &str) {
    let visitor = app.client();
    let page = visitor.get(&format!("/password/reset?token={token}")).await;
    assert_eq!(page.status, 404, "{why}: {}", page.summary());
    let fields = [("token", token), ("password", NEW), ("password_confirmation", NEW)];
    let page = visitor.post("/password/reset", &fields).await;
    assert_eq!(page.status, 422, "{why}: {}", page.summary());
}

on_both_stacks!(link_dies_with_change_of_own_password, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let token = make_link(&admin, &app.admin_path(&ada)).await;
    let fields = [("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)];
    client
        .post("/profile/password", &[&[("current_password", "wrong")], &fields[1..]].concat())
        .await
        .expect(422);
    let _ = app.client().get(&format!("/password/reset?token={token}")).await.expect(200);
    client.post("/profile/password", &fields).await.to("/profile");
    assert_dead(&app, &token, "password").await;
    assert_eq!(app.user_token_count(), 0);
});

on_both_stacks!(link_and_waiting_address_die_with_change_of_second_factor, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let pending =
        || app.query_text("SELECT count(*) FROM users WHERE pending_email IS NOT NULL")[0][0].clone();
    let new_address = [("email", "ada@example.com"), ("current_password", PASSWORD)];
    for change in ["add", "remove"] {
        client.post("/profile/email", &new_address).await.to("/profile");
        assert_eq!(pending().as_deref(), Some("1"), "{change}");
        let token = make_link(&admin, &app.admin_path(&ada)).await;
        if change == "add" {
            Authenticator::set_up(&app, &client).await;
        } else {
            client.post("/security/totp/remove", &[]).await.to("/security");
        }
        assert_dead(&app, &token, change).await;
        assert_eq!(pending().as_deref(), Some("0"), "{change}");
    }
});

on_both_stacks!(link_dies_with_password_set_by_operator, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let token = make_link(&admin, &app.admin_path(&ada)).await;
    let arguments = ["user", "reset-password", &ada.email, "--password-stdin"];
    Program::run(&arguments, &app.command_vars(), NEW).done();
    assert_dead(&app, &token, "password set by an operator").await;
});

on_both_stacks!(link_dies_with_change_of_role_and_state, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let fields = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    admin.post("/admin/users", &fields).await.expect(201);
    let eve = Person { email: "eve@example.org".to_owned(), ..Person::new("Eve") };
    for invited in [false, true] {
        let path = app.admin_path(if invited { &eve } else { &ada });
        let token = make_link(&admin, &path).await;
        admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
        let page = admin.get(&path).await.expect(200).has("One-time links made before don't work any more.");
        assert_page(&page);
        assert_dead(&app, &token, "role").await;

        let token = make_link(&admin, &path).await;
        admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
        assert_dead(&app, &token, "deactivated").await;
        let page = admin.post(&format!("{path}/send-reset"), &[]).await.expect(422);
        assert_page(&page.has("This account is deactivated."));
        admin.post(&format!("{path}/activate"), &[]).await.to(&path);
        assert_dead(&app, &token, "deactivated and activated again").await;
        // A new link works, and whoever was invited still is.
        let page = admin.post(&format!("{path}/send-reset"), &[]).await.expect(200);
        assert_eq!(page.text().contains("Invitation for Eve"), invited);
        let token = token_of(&link_on(&page));
        let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
        app.client().post("/password/reset", &fields).await.to("/login");
        assert_dead(&app, &token, "used").await;
    }
});

on_both_stacks!(link_dies_with_its_account, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let token = make_link(&admin, &app.admin_path(&ada)).await;
    client.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/");
    assert_dead(&app, &token, "deleted").await;
    assert_eq!(app.user_token_count(), 0);
});

#[actix_web::test]
async fn link_used_while_account_is_deactivated_sets_no_password() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let token = make_link(&admin, &app.admin_path(&ada)).await;
    let hash = app.password_hash_of(&ada);
    let lock = app.deactivate_users_uncommitted();
    let visitor = std::rc::Rc::new(app.client());
    let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
    let held = concurrent::send_form(&visitor, "/password/reset", &fields);
    app.wait_for_blocked(1).await;
    lock.commit();
    held.await.unwrap().expect(422);
    assert_eq!(app.password_hash_of(&ada), hash);
}
