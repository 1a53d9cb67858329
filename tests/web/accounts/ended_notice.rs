//! Tests the notice that tells why a session ended: shown at the next request, once, and only in the browser that had
//! the session.

use reqwest::Method;

use crate::support::{
    admin_pages::{link_on, token_of},
    *,
};

const BY_ADMIN: &str = "You were signed out by an administrator: Laptop stolen";

async fn end_notices(client: &Client) -> Vec<String> {
    client.get_following("/profile").await.expect(200).texts("main > .notice")
}

on_both_stacks!(end_notice_shows_admin_reason_once, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    admin
        .post(&format!("/admin/sessions/{id}/end"), &[("reason", "Laptop stolen")])
        .await
        .to("/admin/sessions");

    let script = client.request(Method::GET, "/profile").header("accept", "application/json").send().await;
    assert_eq!(script.expect(401).json()["detail"], BY_ADMIN);
    let form = client.copy().post("/profile", &[("name", "Ada")]).await.expect(401);
    assert_eq!(form.texts("main > .notice"), [BY_ADMIN]);
    let page = client.get_following("/profile").await.expect(200);
    assert_page(&page);
    assert_eq!(page.texts("main > .notice"), [BY_ADMIN]);
    assert_eq!(end_notices(&client).await, Vec::<String>::new(), "the notice is shown once");

    let others = app.client();
    assert_eq!(end_notices(&others).await, Vec::<String>::new());
    ada.sign_in(&client).await;
    client.get("/profile").await.expect(200);
});

on_both_stacks!(end_notice_names_cause, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_LIMIT", 2).start().await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let (second, third, fourth) = (app.client(), app.client(), app.client());
    first.get("/profile").await.expect(200);
    ada.sign_in(&second).await;
    ada.sign_in(&third).await;
    assert!(end_notices(&first).await[0].contains("only so many sessions are allowed at once"));
    third.post("/sessions/end-others", &[]).await.to("/sessions");
    third.get("/sessions").await.expect(200);
    assert_eq!(end_notices(&second).await, ["You were signed out from another device."]);
    ada.sign_in(&fourth).await;
    let new = "quartz-lantern-58-birch";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    fourth.post("/profile/password", &fields).await.to("/profile");
    let sentence = "You were signed out because the password of your account was changed.";
    assert_eq!(end_notices(&third).await, [sentence]);
});

on_both_stacks!(end_notice_does_not_replace_flash_message, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let path = format!("/admin/sessions/{}/end", own_session_id(&client).await);
    admin.post(&path, &[("reason", "Laptop stolen")]).await.to("/admin/sessions");
    let page = admin.post(&format!("{}/send-reset", app.admin_path(&ada)), &[]).await.expect(200);
    let token = token_of(&link_on(&page));
    let new = "quartz-lantern-58-birch";
    let fields = [("token", &*token), ("password", new), ("password_confirmation", new)];
    client.post("/password/reset", &fields).await.to("/login");
    let set = "Your password is set. Sign in with it.";
    assert_eq!(client.get("/login").await.expect(200).texts("main > .notice"), [set, BY_ADMIN]);
    assert_eq!(end_notices(&client).await, Vec::<String>::new(), "both notices are shown once");
});

on_both_stacks!(end_notice_absent_after_own_action, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    client.get("/profile").await.expect(200).has("Your account is ready");
    let before = client.copy();
    ada.sign_in(&client).await;
    assert_eq!(end_notices(&before).await, Vec::<String>::new(), "replaced");
    let before = client.copy();
    client.post("/logout", &[]).await.to("/");
    assert_eq!(end_notices(&before).await, Vec::<String>::new(), "signed out");
    // A rotated key gives no end notice, because its session goes on.
    ada.sign_in(&client).await;
    let before = client.copy();
    let new = "quartz-lantern-58-birch";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    client.post("/profile/password", &fields).await.to("/profile");
    assert_eq!(end_notices(&before).await, Vec::<String>::new(), "rotated");
});

on_both_stacks!(end_notice_after_idle_timeout, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_IDLE_TTL", "1s").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    eventually(|| async { app.end_reason(&id).is_some() }).await;
    assert_eq!(
        end_notices(&client).await,
        ["You were signed out because you had not been here for a while."]
    );
});

on_both_stacks!(end_notice_escapes_markup_in_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let reason = "<script>alert(1)</script> & \"so on\"";
    admin.post(&format!("/admin/sessions/{id}/end"), &[("reason", reason)]).await.to("/admin/sessions");
    assert_eq!(end_notices(&client).await, [format!("You were signed out by an administrator: {reason}")]);
});
