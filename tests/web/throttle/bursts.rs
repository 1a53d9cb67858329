//! Tests the limits of networks: sign-ins over many accounts, the password once more, registrations and links.

use crate::support::{
    admin_pages::{link_on, token_of},
    throttling::{WRONG, guess, start, try_sign_in},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";

on_both_stacks!(guessing_over_many_addresses_is_limited_by_network, |stack| async {
    let app = start(stack).await;
    let client = app.client();
    let (eve, _) = app.person("Eve").await;
    for number in 0..20 {
        let _ = try_sign_in(&client, &format!("nobody{number}@example.org"), WRONG).await.expect(401);
        if number == 10 {
            // Whoever guesses has an account too; that breaks no row here.
            let _ = eve.sign_in(&app.client()).await;
        }
    }
    let page = try_sign_in(&client, "another@example.org", WRONG).await;
    assert!(page.retry_after() >= 1);
    let _ = page.has("too many failed sign-ins from your network");
    let elsewhere = app.client().bound_to([127, 0, 0, 2]);
    let _ = try_sign_in(&elsewhere, "another@example.org", WRONG).await.expect(401);
});

on_both_stacks!(password_once_more_is_limited_by_session, |stack| async {
    let app = start(stack).await;
    let (ada, thief) = app.person("Ada Lovelace").await;
    let owner = app.client();
    let _ = ada.sign_in(&owner).await;
    let change = [("current_password", WRONG), ("password", NEW), ("password_confirmation", NEW)];
    for _ in 0..2 {
        let _ = thief.post("/profile/password", &change).await.expect(422);
        let _ = thief.post("/profile/delete", &[("current_password", WRONG)]).await.expect(422);
    }
    let _ = thief.post("/confirm-password", &[("password", WRONG)]).await.expect(422);
    for (path, fields) in [
        (
            "/profile/password",
            &[("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)][..],
        ),
        ("/profile/delete", &[("current_password", PASSWORD)]),
        ("/confirm-password", &[("password", PASSWORD)]),
    ] {
        let page = thief.post(path, fields).await;
        assert!(page.retry_after() >= 1, "{path}");
        assert_page(&page);
        app.set_failures_of("session", 12);
        app.let_waits_pass();
        let _ = thief.post("/profile/delete", &[("current_password", WRONG)]).await.expect(422);
    }
    let detail = "5 wrong passwords, codes or passkeys in a row in one session; the next ones wait";
    assert_eq!(app.details_of_events("throttled"), [detail]);
    // The owner is not affected, neither in another session nor at the next sign-in.
    let _ = owner.post("/confirm-password", &[("password", PASSWORD)]).await.to("/profile");
    let _ = ada.sign_in(&app.client()).await;
});

on_both_stacks!(password_once_more_is_limited_by_network, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let mut sessions = Vec::new();
    for _ in 0..6 {
        let client = app.client();
        let _ = ada.sign_in(&client).await;
        sessions.push(client);
    }
    for client in &sessions[..5] {
        for _ in 0..4 {
            let _ = client.post("/confirm-password", &[("password", WRONG)]).await.expect(422);
        }
    }
    let page = sessions[5].post("/confirm-password", &[("password", PASSWORD)]).await;
    assert!(page.retry_after() >= 1);
    assert_page(&page);
    let _ = page.has("too many wrong passwords, codes or passkeys from your network");
    let elsewhere = sessions[5].copy().bound_to([127, 0, 0, 2]);
    let _ = elsewhere.post("/confirm-password", &[("password", PASSWORD)]).await.to("/profile");
});

on_both_stacks!(form_that_carries_the_password_is_limited_too, |stack| async {
    let app = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    app.forget_confirmations();
    let wrong =
        [("name", "Eve"), ("email", "eve@example.org"), ("role", "user"), ("confirm_password", WRONG)];
    for _ in 0..5 {
        let _ = admin.post("/admin/users", &wrong).await.expect(422);
    }
    assert!(admin.post("/admin/users", &wrong).await.retry_after() >= 1);
    app.let_waits_pass();
    let right = [&wrong[..3], &[("confirm_password", PASSWORD)]].concat();
    let _ = admin.post("/admin/users", &right).await.expect(201);
    assert_eq!(app.throttle_kinds(), ["confirmations"], "the row was broken");
});

on_both_stacks!(registrations_are_limited_by_network, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let register = async |client: &Client| {
        let fields = [
            ("name", "Ada Lovelace"),
            ("email", ada.email.as_str()),
            ("password", PASSWORD),
            ("password_confirmation", PASSWORD),
        ];
        client.post("/register", &fields).await
    };
    let client = app.client();
    for _ in 0..9 {
        let _ = register(&client).await.expect(422);
    }
    let page = register(&client).await;
    assert!(page.retry_after() >= 1);
    let _ = page.has("too many registrations from your network");
    let _ = register(&app.client().bound_to([127, 0, 0, 2])).await.expect(422);
    let _ = client.post("/register", &[("name", "")]).await.expect(422);
    assert_eq!(app.details_of_events("throttled"), ["10 registrations from one network; the next ones wait"]);
});

on_both_stacks!(links_that_are_not_valid_are_limited_by_network, |stack| async {
    let app = start(stack).await;
    let client = app.client();
    let fields = [("token", "x"), ("password", NEW), ("password_confirmation", NEW)];
    for _ in 0..5 {
        let _ = client.get("/password/reset?token=x").await.expect(404);
        let _ = client.post("/password/reset", &fields).await.expect(422);
        let _ = client.get("/setup?token=x").await.expect(404);
        let _ = client.post("/setup", &fields).await.expect(404);
    }
    for path in ["/password/reset?token=x", "/setup?token=x"] {
        assert!(client.get(path).await.retry_after() >= 1, "{path}");
    }
    for path in ["/password/reset", "/setup"] {
        let page = client.post(path, &fields).await;
        assert!(page.retry_after() >= 1, "{path}");
        assert_page(&page);
    }
    let _ = app.client().bound_to([127, 0, 0, 2]).get("/password/reset?token=x").await.expect(404);
    // Nobody guesses a link that is valid: it is good whatever others try.
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let link = link_on(&admin.post(&format!("{}/send-reset", app.admin_path(&ada)), &[]).await.expect(200));
    let _ = client.get(&link).await.expect(200).has(&ada.email);
    let token = token_of(&link);
    let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
    let _ = client.post("/password/reset", &fields).await.to("/login");
});

on_both_stacks!(flood_of_unknown_addresses_adds_few_rows, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for number in 0..60 {
        let _ = try_sign_in(&app.client(), &format!("nobody{number}@example.org"), WRONG).await.expect(401);
    }
    assert_eq!(app.event_count_of("sign_in_failed"), 21);
    let page = admin.get("/admin/events?kind=sign_in_failed").await.expect(200);
    assert_page(&page);
    let _ = page.has("40 times, by any number of clients");
    assert_eq!(app.event_times_of("sign_in_failed"), 60);
    let _ = admin.get("/admin").await.expect(200).has("60");
    // A known address has its own rows.
    let (ada, _) = app.person("Ada Lovelace").await;
    assert_eq!(guess(&app.client(), &ada.email, 2).await, [401; 2]);
    assert_eq!(app.event_count_of("sign_in_failed"), 23);
});
