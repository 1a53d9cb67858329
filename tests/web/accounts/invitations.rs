//! Tests one-time links: `POST /admin/users` and `…/send-reset` make them, and `/password/reset` accepts them.

use crate::support::{
    admin_pages::{link_on, token_of},
    concurrent::send_form,
    test_routes::{session_id, start},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";

fn reset_fields<'a>(token: &'a str, password: &'a str, again: &'a str) -> [(&'static str, &'a str); 3] {
    [("token", token), ("password", password), ("password_confirmation", again)]
}

async fn invite(admin: &Client, name: &str, email: &str) -> String {
    let fields = [("name", name), ("email", email), ("role", "user")];
    link_on(&admin.post("/admin/users", &fields).await.expect(201))
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.client().post("/login", &[("email", email), ("password", password)]).await
}

on_both_stacks!(invitation_link_shown_once_activates_account, |stack| async {
    let builder = TestApp::builder(stack).var("BASE_URL", "https://login.example.org");
    let app = builder.var("REGISTRATION", "closed").not_set_up().start().await;
    let made = Person::new("Grace Hopper");
    let admin = app.client();
    let token = app.setup_link().unwrap().split_once("token=").unwrap().1.to_owned();
    let fields = [("token", &*token), ("name", "Grace"), ("email", &made.email), ("password", PASSWORD)];
    let fields = [&fields[..], &[("password_confirmation", PASSWORD)]].concat();
    let _ = admin.post("/setup", &fields).await.to("/admin/sessions");

    let fields = [("name", " Ada Lovelace "), ("email", "Ada@Example.org"), ("role", "admin")];
    let page = admin.post("/admin/users", &fields).await.expect(201);
    assert_page(&page);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    let page = page.has("Invitation for Ada Lovelace").has("shown only now").has("7 days");
    let link = link_on(&page);
    assert!(link.starts_with("https://login.example.org/password/reset?token="), "{link}");
    let token = token_of(&link);
    for path in ["/admin/users", "/admin/users/2", "/admin/users?state=invited"] {
        let page = admin.get(path).await.expect(200).has("Invited");
        assert!(!page.body.contains(&token), "{path} shows it again");
    }
    for text in [app.token_hashes(), app.event_details(), app.password_hashes()].concat() {
        assert!(!text.contains(&token), "{text}");
    }
    let _ = sign_in(&app, "ada@example.org", "").await.expect(422);

    let visitor = app.client();
    for _ in 0..2 {
        let page = visitor.get(&link).await.expect(200).has("You are invited").has("Ada@Example.org");
        assert_page(&page);
        assert_eq!(page.value_of("token").as_deref(), Some(&*token));
    }
    let _ = visitor.post("/password/reset", &reset_fields(&token, NEW, NEW)).await.to("/login");
    let _ = visitor.get("/login").await.expect(200).has("Your password is set.");
    let _ = visitor.get("/profile").await.expect(303);
    let _ = sign_in(&app, "ada@example.org", NEW).await.to("/profile");
    assert_eq!(app.role_of("Ada@Example.org"), "admin");
    let _ = admin.get("/admin/users?state=invited").await.expect(200).has("Nobody fits");
});

on_both_stacks!(invitation_invalid_422_keeps_input, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for (name, email, role, field) in [
        ("", "new@example.org", "user", "name"),
        ("New", "nonsense", "user", "email"),
        ("New", "GRACE.hopper@example.org", "user", "email"),
        ("New", "new@example.org", "root", "role"),
    ] {
        let fields = [("name", name), ("email", email), ("role", role)];
        let page = admin.post("/admin/users", &fields).await.expect(422);
        assert_page(&page);
        assert!(page.field_error(field).is_some(), "{field}: {}", page.summary());
        let form = page.form("/admin/users").fields;
        let typed = page.forms().into_iter().find(|form| form.fields.iter().any(|(name, _)| name == "email"));
        let typed = typed.unwrap_or_else(|| panic!("{form:?}")).fields;
        assert!(typed.contains(&("email".to_owned(), email.to_owned())), "{typed:?}");
        assert!(!page.attributes("details.ender[open]", "class").is_empty(), "the form is open");
    }
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.user_token_count(), 0);
});

/// Asserts that weak or mistyped passwords and wrong tokens are refused.
async fn assert_mistakes_refused(visitor: &Client, token: &str) {
    for (password, again, field) in [
        ("short", "short", "password"),
        ("ada@example.org", "ada@example.org", "password"),
        (NEW, "x", "password_confirmation"),
    ] {
        let page = visitor.post("/password/reset", &reset_fields(token, password, again)).await.expect(422);
        assert_page(&page);
        assert!(page.field_error(field).is_some(), "{}", page.summary());
        assert!(!page.body.contains(NEW), "the password was sent back");
    }
    for wrong in ["", "guess", &token.to_uppercase(), &format!("{token}x")] {
        let page = visitor.get(&format!("/password/reset?token={wrong}")).await.expect(404);
        assert_page(&page);
        let page = visitor.post("/password/reset", &reset_fields(wrong, NEW, NEW)).await.expect(422);
        assert_page(&page);
        assert!(!page.has("Get a new link").body.contains(NEW));
    }
}

on_both_stacks!(reset_link_single_use_and_expires, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let token = token_of(&invite(&admin, "Ada", "ada@example.org").await);
    let visitor = app.client();
    let hash = app.password_hash_of("ada@example.org");
    assert_mistakes_refused(&visitor, &token).await;
    let old = [("token", &*token), ("password", NEW), ("password_confirmation", NEW), ("email", "x")];
    let _ = visitor.post("/password/reset", &old).await.expect(422).has("no field");
    app.set_active("ada@example.org", false);
    let _ = visitor.post("/password/reset", &reset_fields(&token, NEW, NEW)).await.expect(422);
    app.set_active("ada@example.org", true);
    app.expire_tokens();
    let _ = visitor.get(&format!("/password/reset?token={token}")).await.expect(404);
    let _ = visitor.post("/password/reset", &reset_fields(&token, NEW, NEW)).await.expect(422);
    assert_eq!(app.password_hash_of("ada@example.org"), hash);

    // The link has expired, but the user is still invited: a new link is an invitation and revokes the old one.
    let ada = Person { email: "ada@example.org".to_owned(), ..Person::new("Ada") };
    let path = app.admin_path(&ada);
    let page = admin.post(&format!("{path}/send-reset"), &[]).await.expect(200).has("Invitation for Ada");
    assert_page(&page);
    let second = token_of(&link_on(&page));
    app.revive_tokens();
    let _ = visitor.get(&format!("/password/reset?token={token}")).await.expect(404);
    let fields = reset_fields(&second, NEW, NEW);
    let (one, two) =
        tokio::join!(visitor.post("/password/reset", &fields), admin.post("/password/reset", &fields));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422], "one of two concurrent requests succeeds");
    let _ = sign_in(&app, "ada@example.org", NEW).await.to("/profile");
    let by = Some(app.user_id(&grace));
    let own = Some(app.user_id(&ada));
    let text = |kind: &str, by: &Option<String>, detail: Option<&str>| {
        (kind.to_owned(), by.clone(), detail.map(str::to_owned))
    };
    let expected = [
        text("invited", &by, Some("user")),
        text("reset_link_made", &by, Some("invitation")),
        text("email_confirmed", &own, Some("with the link to choose a password")),
        text("password_reset", &own, None),
    ];
    assert_eq!(app.account_events(&ada), expected);
});

on_both_stacks!(password_reset_ends_sessions_and_revokes_links, |stack| async {
    let (app, barrier) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (path, id) = (app.admin_path(&ada), session_id(&client).await);
    let page = admin.post(&format!("{path}/send-reset"), &[]).await.expect(200).has("one hour");
    let page = page.has("the old one works until then");
    let token = token_of(&link_on(&page));
    let [created, expires] = app.reset_token_times();
    assert_ne!(created, expires);
    assert!(signed_in(&client).await, "making a link changes nothing");
    let late = std::rc::Rc::new(app.client());
    let proof = [("email", &*ada.email), ("password", PASSWORD)];
    let held = send_form(&late, "/test/held/sign-in", &proof);
    barrier.wait_for(1).await;

    // The password is reset in a browser that is signed in: its session ends like all others.
    let _ = client.post("/password/reset", &reset_fields(&token, NEW, NEW)).await.to("/login");
    barrier.release(1);
    let _ = held.await.unwrap().expect(403);
    assert!(!signed_in(&client).await);
    assert_eq!(app.end_reason(&id).as_deref(), Some("password_changed"));
    let _ = client.post("/password/reset", &reset_fields(&token, PASSWORD, PASSWORD)).await.expect(422);
    let _ = sign_in(&app, &ada.email, PASSWORD).await.expect(401);
    let _ = sign_in(&app, &ada.email, NEW).await.to("/profile");
    assert_eq!(app.user_token_count(), 0);

    // A deactivation revokes a link permanently.
    let token = token_of(&link_on(&admin.post(&format!("{path}/send-reset"), &[]).await.expect(200)));
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    let _ = admin.post(&format!("{path}/activate"), &[]).await.to(&path);
    let _ = client.get(&format!("/password/reset?token={token}")).await.expect(404);
});

on_both_stacks!(expired_reset_tokens_deleted_invitations_kept, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    invite(&admin, "Éva Ångström", "eva@example.org").await;
    let of = |person: &Person| format!("{}/send-reset", app.admin_path(person));
    let _ = admin.post(&of(&ada), &[]).await.expect(200);
    app.expire_tokens();
    let _ = admin.post(&of(&bob), &[]).await.expect(200);
    assert_eq!(app.user_tokens(), [["invite", "eva@example.org"], ["reset", &bob.email]]);
});

on_both_stacks!(setup_token_rejected_by_password_reset, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    let token = app.setup_link().unwrap().split_once("token=").unwrap().1.to_owned();
    let _ = app.client().get(&format!("/password/reset?token={token}")).await.expect(404);
    let _ = app.client().post("/password/reset", &reset_fields(&token, NEW, NEW)).await.expect(422);
    let _ = app.client().get(app.setup_link().unwrap()).await.expect(200);
});
