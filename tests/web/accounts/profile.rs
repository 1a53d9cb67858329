//! Tests `/profile`, `/profile/password` and `/profile/delete`.

use crate::support::*;

const NEW: &str = "copper-lantern-17-orchid";

fn change<'a>(current: &'a str, new: &'a str, again: &'a str) -> [(&'static str, &'a str); 3] {
    [("current_password", current), ("password", new), ("password_confirmation", again)]
}

on_both_stacks!(profile_shows_details_and_changes_name, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page =
        client.get("/profile").await.expect(200).has(&ada.email).has("Member since").has("Last sign-in");
    assert_page(&page);
    assert_eq!(page.value_of("name").as_deref(), Some("Ada Lovelace"));
    let facts = page.texts("dl.facts div");
    assert!(facts.iter().any(|fact| fact.contains("Role") && fact.contains("user")), "{facts:?}");
    assert!(!page.text().contains("Not recorded"), "the sign-in is recorded");

    client.post("/profile", &[("name", "  Augusta Ada King ")]).await.to("/profile");
    let page = client.get("/profile").await.expect(200).has("Your name was saved.");
    assert_eq!(page.value_of("name").as_deref(), Some("Augusta Ada King"));
    for name in ["", "   ", "a\nb", "a\u{7}b", &"x".repeat(101)] {
        let page = client.post("/profile", &[("name", name)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("name").is_some(), "{name:?}");
        let kept = page.value_of("name").unwrap();
        assert_eq!(kept.replace('\n', " ").trim(), name.replace('\n', " ").trim());
    }
    assert_eq!(app.name_of(&ada), "Augusta Ada King");
    client.post("/profile", &[("name", &"é".repeat(100))]).await.to("/profile");
});

on_both_stacks!(profile_notice_replaces_unseen_notice, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    assert!(client.cookie("gatehouse-notice").is_some(), "the welcome notice was not shown yet");
    client.post("/profile", &[("name", "Augusta")]).await.to("/profile");
    client.get("/profile").await.has("Your name was saved.").lacks("Welcome");
    assert_eq!(client.cookie("gatehouse-notice"), None);
});

on_both_stacks!(password_change_ends_other_sessions_and_rotates_current, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (other, bystander) = (app.client(), app.person("Grace Hopper").await.1);
    ada.sign_in(&other).await;
    let old_cookie = client.copy();
    let id = app.session_of(&ada);

    client.post("/profile/password", &change(PASSWORD, NEW, NEW)).await.to("/profile");
    client.get("/profile").await.expect(200).has("The other session was ended.");
    other.get("/profile").await.to("/login?next=%2Fprofile");
    other.post("/profile", &[("name", "Thief")]).await.expect(401);
    old_cookie.get("/profile").await.to("/profile");
    old_cookie.post("/profile", &[("name", "Thief")]).await.expect(307);
    app.set_rotated_ago(60);
    old_cookie.get("/profile").await.to("/login?next=%2Fprofile");
    old_cookie.post("/profile", &[("name", "Thief")]).await.expect(401);
    client.get("/profile").await.expect(200).has(&ada.name);
    bystander.get("/profile").await.expect(200);
    assert_eq!(app.active_sessions_of(&ada), [id], "the id stays when the key is rotated");
    assert_eq!(app.end_reasons_of(&ada), ["password_changed"]);
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys().len(), 2, "one entry for each active session");
    }

    let fields = [("email", ada.email.as_str()), ("password", PASSWORD)];
    app.client().post("/login", &fields).await.expect(401);
    let fields = [("email", ada.email.as_str()), ("password", NEW)];
    app.client().post("/login", &fields).await.to("/profile");
});

on_both_stacks!(password_change_invalid_422_changes_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await;
    let hash = app.password_hash_of(&ada);
    for (fields, field, part) in [
        (change("wrong-anchor-93-maple", NEW, NEW), "current_password", "not your current password"),
        (change("", NEW, NEW), "current_password", "Enter your current password"),
        (change(PASSWORD, NEW, "copper-lantern-17-orchis"), "password_confirmation", "not the same"),
        (change(PASSWORD, "short", "short"), "password", "at least 8"),
        (change(PASSWORD, "adalovelace1", "adalovelace1"), "password", "lovelace"),
        (change(PASSWORD, "", ""), "password", "at least 8"),
    ] {
        let page = client.post("/profile/password", &fields).await.expect(422);
        assert_page(&page);
        let message = page.field_error(field).unwrap_or_else(|| panic!("{field}: {}", page.summary()));
        assert!(message.contains(part), "{field}: {message}");
        for (_, secret) in fields.iter().filter(|(_, value)| value.len() > 12) {
            assert!(!page.body.contains(secret), "a password was sent back");
        }
        assert!(!page.set_cookies().iter().any(|cookie| cookie.name == "gatehouse"), "a new key");
    }
    assert_eq!(app.password_hash_of(&ada), hash);
    client.get("/profile").await.expect(200);
    other.get("/profile").await.expect(200);
});

on_both_stacks!(account_deletion_removes_user_and_sessions, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (other, copy) = (app.client(), client.copy());
    ada.sign_in(&other).await;
    for password in ["", "wrong-anchor-93-maple"] {
        let page = client.post("/profile/delete", &[("current_password", password)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("current_password").is_some());
    }
    other.get("/profile").await.expect(200);

    let answer = client.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/");
    assert!(answer.header("clear-site-data").is_some());
    client.get("/").await.expect(200).has("Your account and all its sessions are gone.");
    for ended_client in [&copy, &other] {
        ended_client.get("/profile").await.to("/login?next=%2Fprofile");
    }
    assert_eq!(app.user_count(), 0);
    let fields = [("email", ada.email.as_str()), ("password", PASSWORD)];
    app.client().post("/login", &fields).await.expect(401);
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys(), Vec::<String>::new());
    }
    // The email address can be registered again.
    ada.register(&app.client()).await;
});

on_both_stacks!(account_deletion_of_last_admin_422, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.admin("Grace Hopper").await;
    let delete = [("current_password", PASSWORD)];
    let page = client.post("/profile/delete", &delete).await.expect(422).has("the only administrator");
    assert_page(&page);
    let (_, second) = app.admin("Ada Lovelace").await;
    client.post("/profile/delete", &delete).await.to("/");
    second.post("/profile/delete", &delete).await.expect(422);
    assert_eq!(app.user_count(), 1);
});
