//! Tests `/admin/users`, the list of accounts, and `/admin/users/{id}`, where an administrator changes one account.

use std::rc::Rc;

use crate::support::{
    concurrent::send_form,
    test_routes::{session_id, start},
    *,
};

fn emails(page: &Answer) -> Vec<String> {
    page.texts("table .email")
}

on_both_stacks!(users_list_filters_by_name_role_and_state, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob 100% Bemer").await;
    ada.sign_in(&app.client()).await;
    admin.post(&format!("{}/deactivate", app.admin_path(&bob)), &[]).await.expect(303);
    let fields = [("name", "Éva Ångström"), ("email", "Eva@Example.org"), ("role", "admin")];
    admin.post("/admin/users", &fields).await.expect(201);

    let eva = "Eva@Example.org";
    let page = admin.get("/admin/users").await.expect(200).has("4 people");
    assert_page(&page);
    assert_eq!(emails(&page), [eva, &bob.email, &ada.email, &grace.email], "newest first");
    assert_eq!(page.texts("td.number"), ["none", "none", "2", "1"]);
    let states = page.texts("tbody [data-label=State]").join(", ").replace(" Email not confirmed", "");
    assert_eq!(states, "Invited, Deactivated, Active, Active");
    assert_eq!(page.texts("tbody [data-label=Role]"), ["Administrator", "User", "User", "Administrator"]);
    assert_eq!(page.texts("tbody tr:first-child [data-label='Last sign-in']"), ["never"]);
    for (query, found) in [
        ("q=lovelace", vec![&*ada.email]),
        ("q=+%C3%85NGSTR", vec![eva]),
        ("q=EVA%40example", vec![eva]),
        ("q=100%25", vec![&*bob.email]),
        ("q=nobody", vec![]),
        ("role=admin", vec![eva, &grace.email]),
        ("state=invited", vec![eva]),
        ("state=active", vec![&*ada.email, &grace.email]),
        ("state=deactivated", vec![&*bob.email]),
        ("state=active&role=admin", vec![&*grace.email]),
        ("q=a&role=user&state=active", vec![&*ada.email]),
    ] {
        let page = admin.get(&format!("/admin/users?{query}")).await.expect(200);
        assert_page(&page);
        assert_eq!(emails(&page), found, "{query}");
        let count = page.texts(".count strong")[0].parse::<usize>().unwrap();
        assert_eq!(count, found.len(), "{query}");
        if found.is_empty() {
            page.has("Nobody fits");
        }
    }
    for query in ["role=root", "state=gone", "q=%00", "after=x", "after=-1", "after=99999999999999999999"] {
        let page = admin.get(&format!("/admin/users?{query}")).await.expect(422);
        assert_page(&page);
        assert_eq!(emails(&page), Vec::<String>::new(), "{query}");
    }
    admin.get("/admin/users?after=1").await.expect(200).has("Nothing further");
});

on_both_stacks!(users_list_pages_hold_fifty_users, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    app.insert_users(120);
    let (mut sizes, mut ids) = (vec![], vec![]);
    for page in admin.all_pages("/admin/users?q=person&role=user").await {
        let page = page.has("120 people found");
        let rows = page.attributes("tbody tr", "id");
        sizes.push(rows.len());
        ids.extend(rows);
    }
    assert_eq!(sizes, [50, 50, 20]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 120, "every user once");
});

on_both_stacks!(user_page_shows_details_without_hash, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let ada = Person { name: "<b>Ada</b> \"Co\"".to_owned(), ..Person::new("Ada Lovelace") };
    ada.register(&app.client()).await;
    let curl = app.client().user_agent("curl/8.5.0");
    ada.sign_in(&curl).await;
    let page = admin.get(&app.admin_path(&ada)).await.expect(200);
    assert_page(&page);
    let page = page.has("<b>Ada</b>").has(&ada.email).has("Member since").has("Signed in").has("curl 8");
    let mut linked = page.attributes("[aria-labelledby=sessions-title] li a", "href");
    linked.sort();
    let mut live = app.active_sessions_of(&ada);
    live.sort();
    assert_eq!(linked, live.iter().map(|id| format!("/admin/sessions/{id}")).collect::<Vec<_>>());
    assert!(!page.body.contains(&app.password_hash_of(&ada)) && !page.body.contains("argon2"));
    for unknown in ["4711", "0", "-1", "x", "1x", "99999999999999999999"] {
        assert_page(&admin.get(&format!("/admin/users/{unknown}")).await.expect(404));
        for action in ["role", "deactivate", "activate", "end-sessions", "send-reset"] {
            let fields: &[_] = if action == "role" { &[("role", "user")] } else { &[] };
            admin.post(&format!("/admin/users/{unknown}/{action}"), fields).await.expect(404);
        }
    }
});

on_both_stacks!(role_change_applies_at_next_request_with_new_key, |stack| async {
    let (app, _) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    ada.sign_in_remembered(&remembered).await;
    let path = app.admin_path(&ada);
    let id = session_id(&client).await;

    client.get("/admin/sessions").await.expect(403);
    admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
    admin.get(&path).await.expect(200).has("The role was changed.").has("Role changed");
    let before = client.copy();
    let answer = client.get("/admin/sessions").await.expect(200);
    assert!(new_cookie(&answer).is_some(), "the key was rotated");
    assert!(!signed_in(&before).await, "the old key is rejected");
    assert_eq!(session_id(&client).await, id, "the session id is unchanged");
    assert_eq!(new_cookie(&client.get("/profile").await.expect(200)), None, "rotated once");
    let rotated = new_cookie(&remembered.get("/admin/sessions").await.expect(200)).unwrap();
    assert!(rotated.max_age().is_some(), "a remembered session stays remembered");

    admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
    admin.get(&path).await.has("it was so already");
    admin.post(&format!("{path}/role"), &[("role", "user")]).await.to(&path);
    let refused = client.get("/admin/sessions").await.expect(403);
    assert!(new_cookie(&refused).is_some());
    client.get("/profile").await.expect(200);
    for role in ["", "root", "Admin"] {
        let page = admin.post(&format!("{path}/role"), &[("role", role)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("role").is_some(), "{role}");
    }
    let by = Some(app.user_id(&grace));
    let expected =
        ["admin", "user"].map(|role| ("role_changed".to_owned(), by.clone(), Some(role.to_owned())));
    assert_eq!(app.account_events(&ada), expected);
});

on_both_stacks!(deactivation_ends_sessions_and_blocks_login, |stack| async {
    let (app, barrier) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (path, id) = (app.admin_path(&ada), session_id(&client).await);
    let late = Rc::new(app.client());
    let held = send_form(&late, "/test/held/sign-in", &[("email", &ada.email), ("password", PASSWORD)]);
    barrier.wait_for(1).await;
    admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    let page = admin.get(&path).await.expect(200).has("The account is deactivated. 1 session was ended.");
    assert_page(&page);
    let page = page.has("Not signed in anywhere").has("Activate account");
    assert!(
        page.forms().iter().all(|form| !form.action.ends_with("/send-reset")),
        "no reset link for a deactivated account"
    );
    barrier.release(1);
    held.await.unwrap().expect(403);
    assert!(!signed_in(&late).await && !signed_in(&client).await);
    assert_eq!(app.end_reason(&id).as_deref(), Some("user_deactivated"));
    let fields = [("email", &*ada.email), ("password", PASSWORD)];
    app.client().post("/login", &fields).await.expect(401);
    admin.post(&format!("{path}/send-reset"), &[]).await.expect(422).has("Activate it first");
    admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    admin.get(&path).await.has("it was so already");

    admin.post(&format!("{path}/activate"), &[]).await.to(&path);
    admin.get(&path).await.has("The account is active");
    admin.post(&format!("{path}/activate"), &[]).await.to(&path);
    assert!(!signed_in(&client).await, "ended sessions stay ended");
    ada.sign_in(&client).await;
    let by = Some(app.user_id(&grace));
    let expected = ["deactivated", "activated"].map(|kind| (kind.to_owned(), by.clone(), None));
    assert_eq!(app.account_events(&ada), expected);
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys().len(), 2, "the ended session's entry is gone");
    }
});

on_both_stacks!(admin_end_all_of_user_records_reason, |stack| async {
    let (app, barrier) = start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (path, id) = (app.admin_path(&ada), session_id(&client).await);
    ada.sign_in(&app.client()).await;
    let end = format!("{path}/end-sessions");
    for reason in ["x".repeat(201).as_str(), "two\nlines"] {
        let page = admin.post(&end, &[("reason", reason)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("reason").is_some());
    }
    assert!(signed_in(&client).await);
    let late = Rc::new(app.client());
    let held = send_form(&late, "/test/held/sign-in", &[("email", &ada.email), ("password", PASSWORD)]);
    barrier.wait_for(1).await;
    admin.post(&end, &[("reason", " Lost <b>bag</b> ")]).await.to(&path);
    admin.get(&path).await.expect(200).has("2 sessions were ended.").has("Not signed in anywhere");
    barrier.release(1);
    held.await.unwrap().expect(403);
    assert!(!signed_in(&client).await);
    let message = app.end_message(&id);
    assert_eq!(
        (app.end_reason(&id).as_deref(), message.as_deref()),
        (Some("ended_by_admin"), Some("Lost <b>bag</b>"))
    );
    ada.sign_in(&client).await;
    assert!(signed_in(&client).await, "the user may sign in again");

    // Ending one's own sessions keeps the current session and its key.
    let other = app.client();
    grace.sign_in(&other).await;
    let own = app.admin_path(&grace);
    admin.post(&format!("{own}/end-sessions"), &[]).await.to(&own);
    let page = admin.get(&own).await.expect(200).has("1 session was ended.");
    assert_eq!(new_cookie(&page), None);
    assert!(!signed_in(&other).await);
});

on_both_stacks!(admin_own_deactivation_or_demotion_removes_access, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (_, other) = app.admin("Ada Lovelace").await;
    let own = app.admin_path(&grace);
    let form = |page: &Answer, action: &str| {
        page.attributes(&format!("form[action='{own}/{action}']"), "data-confirm")
    };
    let page = admin.get(&own).await.expect(200);
    assert!(form(&page, "deactivate")[0].contains("your own account") && !form(&page, "role").is_empty());
    admin.post(&format!("{own}/deactivate"), &[]).await.to("/");
    admin.get("/profile").await.to("/login?next=%2Fprofile");
    other.post(&format!("{own}/activate"), &[]).await.to(&own);
    grace.sign_in(&admin).await;
    admin.post(&format!("{own}/role"), &[("role", "user")]).await.to("/profile");
    admin.get("/profile").await.expect(200).has("Your own role was changed.");
    admin.get("/admin/users").await.expect(403);
});
