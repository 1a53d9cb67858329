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
    app.setup_link().expect("there is no administrator").to_owned()
}

fn token_of(app: &TestApp) -> String {
    link_of(app).strip_prefix("/setup?token=").unwrap().to_owned()
}

on_both_stacks!(setup_link_makes_one_admin_then_leads_to_login, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    assert_eq!(app.user_count(), 0, "there is no default account");
    let (link, token, client) = (link_of(&app), token_of(&app), app.client());
    let page = client.get(&link).await.expect(200);
    assert_page(&page);
    let form = page.form("/setup");
    let filled = form.with(&fields(&token, "Grace Hopper", "grace@example.org"));
    client.post("/setup", &filled).await.to("/admin/sessions");
    let _ =
        client.get("/admin/sessions").await.expect(200).has("first administrator").has("grace@example.org");

    let visitor = app.client();
    visitor.get(&link).await.to("/login");
    visitor.get("/login").await.expect(200).has("The set-up link was used");
    let again = fields(&token, "Eve", "eve@example.org");
    app.client().post("/setup", &again).await.to("/login");
    app.client().get("/setup?token=guess").await.expect(404);
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.second_instance().await.setup_link(), None);
});

on_both_stacks!(setup_invalid_422_keeps_token_and_input, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    let (token, client) = (token_of(&app), app.client());
    let mut sent = fields(&token, "Grace Hopper", "grace");
    sent[3].1 = "short";
    sent[4].1 = "short";
    let page = client.post("/setup", &sent).await.expect(422);
    assert_page(&page);
    assert!(page.field_error("email").is_some() && page.field_error("password").is_some());
    assert_eq!(page.value_of("name").as_deref(), Some("Grace Hopper"));
    assert_eq!(page.value_of("token").as_deref(), Some(token.as_str()));
    let form = page.form("/setup");
    let filled = form.with(&fields(&token, "Grace Hopper", "grace@example.org"));
    client.post("/setup", &filled).await.to("/admin/sessions");
});

on_both_stacks!(setup_open_until_there_is_an_administrator, |stack| async {
    let mut app = TestApp::builder(stack).not_set_up().start().await;
    // Whoever registered before, such as with an earlier version, takes nothing from the set-up.
    app.suppose_set_up().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let link = link_of(&app);
    app.restart().await;
    for client in [&client, &app.client()] {
        client.get("/").await.expect(200).has("not set up yet");
    }
    let page = app.client().get("/register").await.expect(200).has("not set up yet");
    assert_page(&page);
    assert_eq!(page.forms().len(), 0, "{}", page.summary());
    let sent = [
        ("name", "Eve"),
        ("email", "eve@example.org"),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    app.client().post("/register", &sent).await.expect(403).has("not set up yet");
    assert_eq!(app.user_count(), 1);

    let printed = token_of(&app);
    let taken = fields(&printed, "Ada", &ada.email);
    let page = app.client().post("/setup", &taken).await.expect(422);
    assert!(page.field_error("email").is_some(), "{}", page.summary());
    // A link that was printed before the restart works as well.
    let grace = Person::new("Grace Hopper");
    grace.set_up(&app.client(), &link).await;
    assert_eq!(app.administrators(), [grace.email.as_str()]);
    app.client().get(&format!("/setup?token={printed}")).await.to("/login");
    let page = app.client().get("/").await.expect(200);
    assert!(!page.body.contains("not set up"), "{}", page.summary());
    Person::new("Alan Turing").register(&app.client()).await;
});

on_both_stacks!(setup_links_of_two_instances_work_until_one_is_used, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    let other = app.second_instance().await;
    for (link, instance) in [(link_of(&app), &other), (link_of(&other), &app)] {
        instance.client().get(&link).await.expect(200);
    }
    Person::new("Grace Hopper").set_up(&app.client(), &link_of(&other)).await;
    for link in [link_of(&app), link_of(&other)] {
        for instance in [&app, &other] {
            instance.client().get(&link).await.to("/login");
        }
    }
    Person::new("Ada Lovelace").register(&other.client()).await;
    assert_eq!(app.administrators().len(), 1);
});

on_both_stacks!(setup_wrong_or_expired_token_404, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    for path in ["/setup", "/setup?token=", "/setup?token=guess"] {
        app.client().get(path).await.expect(404);
    }
    app.client().get(&link_of(&app)).await.expect(200);
    let token = token_of(&app);
    app.expire_tokens();
    app.client().post("/setup", &fields(&token, "Eve", "eve@example.org")).await.expect(404);
    assert_eq!(app.user_count(), 0);
    let kept = app.token_hashes();
    assert!(kept.len() == 1 && kept.iter().all(|hash| hash.len() == 64 && *hash != token));
});

on_both_stacks!(setup_links_of_many_starts_are_few, |stack| async {
    let mut app = TestApp::builder(stack).not_set_up().start().await;
    let first = link_of(&app);
    for _ in 0..20 {
        app.restart().await;
    }
    assert_eq!(app.token_hashes().len(), 20);
    app.client().get(&first).await.expect(404);
    app.client().get(&link_of(&app)).await.expect(200);
});

#[actix_web::test]
async fn setup_race_of_two_links_makes_one_admin() {
    let app = TestApp::builder(Stack::PostgresRedis).not_set_up().start().await;
    let other = app.second_instance().await;
    let (one, two) = (app.client(), app.client());
    let (token, other_token) = (token_of(&app), token_of(&other));
    let sent = [fields(&token, "Grace", "grace@example.org"), fields(&other_token, "Ada", "ada@example.org")];
    let held = app.lock_new_users();
    let release = async {
        // One of them has used up the links, and the other waits for that.
        app.wait_for_blocked_like(1, "INSERT INTO %users%").await;
        app.wait_for_blocked_like(2, "%").await;
        held.commit();
    };
    let (first, second, ()) =
        tokio::join!(one.post("/setup", &sent[0]), two.post("/setup", &sent[1]), release);
    let mut led_to = [first.location(), second.location()];
    led_to.sort_unstable();
    assert_eq!(led_to, [Some("/admin/sessions"), Some("/login")]);
    assert_eq!(app.administrators().len(), 1);
}

#[actix_web::test]
async fn setup_overtaken_by_administrator_from_elsewhere_makes_none() {
    let app = TestApp::builder(Stack::PostgresRedis).not_set_up().start().await;
    app.suppose_set_up().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let other = app.second_instance().await;
    let (token, client) = (token_of(&other), other.client());
    let sent = fields(&token, "Eve", "eve@example.org");
    let held = app.lock_tokens();
    let overtake = async {
        app.wait_for_blocked_like(1, "UPDATE %tokens%").await;
        app.make_admin(&ada);
        held.commit();
    };
    let (answer, ()) = tokio::join!(client.post("/setup", &sent), overtake);
    assert_eq!(answer.location(), Some("/login"), "{}", answer.summary());
    assert_eq!(app.administrators(), [ada.email.as_str()]);
}

on_both_stacks!(setup_race_makes_one_admin, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    let other = app.second_instance().await;
    let (token, other_token, one, two) = (token_of(&app), token_of(&other), app.client(), app.client());
    let (first, second) =
        (fields(&token, "Grace", "grace@example.org"), fields(&other_token, "Ada", "ada@example.org"));
    let (first, second) = tokio::join!(one.post("/setup", &first), two.post("/setup", &second));
    let mut led_to = [first.location(), second.location()];
    led_to.sort_unstable();
    assert_eq!(led_to, [Some("/admin/sessions"), Some("/login")]);
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.session_ids().len(), 1);
});
