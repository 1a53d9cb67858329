//! Tests `/security`: setting up an authenticator app, recovery codes, trusted browsers, and their removal.

use crate::support::{authenticator::Authenticator, *};

on_both_stacks!(authenticator_is_set_up_with_a_code_of_its_key, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page = client.get("/security").await.expect(200).has("Your password alone is enough");
    assert_page(&page);
    let authenticator = Authenticator::offered(&client).await;
    let page = client.get("/security/totp").await.expect(200);
    assert_page(&page);
    assert_eq!(page.attributes(".qr svg", "role"), ["img"]);
    let address = page.attributes(".card a[href^=otpauth]", "href").remove(0);
    assert!(
        address.contains(&format!(":{}?secret=", ada.email.replace('@', "%40").replace('.', "%2E"))),
        "{address}"
    );

    for wrong in ["", "12345", &authenticator.code_in(-120), "abcdef"] {
        let page = client.post("/security/totp", &[("code", wrong)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("code").is_some(), "{wrong:?}");
    }
    client.get("/security").await.expect(200).has("Your password alone is enough");
    let page = client.post("/security/totp", &[("code", &authenticator.code())]).await.expect(200);
    assert_page(&page);
    let codes = page.texts(".codes code");
    assert_eq!(codes.len(), 10);
    let page = client.get("/security").await.expect(200).has("10 of 10 are left").lacks(&codes[0]);
    assert_page(&page);
    let sealed = app.sealed_keys();
    assert!(sealed.len() > 60 && !sealed.contains(&authenticator.code()), "{sealed}");
    assert_eq!(app.event_count_of("authenticator_added"), 1);
});

on_both_stacks!(authenticator_set_up_reads_the_code_as_the_second_step_does, |stack| async {
    let app = TestApp::start(stack).await;
    for (name, separator) in [("Ada Lovelace", " "), ("Grace Hopper", "\u{a0}"), ("Edith Clarke", "-")] {
        let (_, client) = app.person(name).await;
        let authenticator = Authenticator::offered(&client).await;
        let code = authenticator.code();
        let code = format!(" {}{separator}{}", &code[..3], &code[3..]);
        client.post("/security/totp", &[("code", &code)]).await.expect(200).has("is set up");
    }
});

on_both_stacks!(wrong_code_after_the_password_is_shown_with_where_it_came_from, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    Authenticator::set_up(&app, &client).await;
    let other = app.client();
    ada.give_password(&other).await;
    other.post("/login/verify", &[("code", "abcdef")]).await.expect(401);
    let activity = client.get("/activity").await.expect(200);
    let row = activity.texts("li").into_iter().find(|row| row.contains("Wrong code")).unwrap();
    assert!(row.contains("127.0.0.1") && !row.contains("operator"), "{row}");
});

on_both_stacks!(second_factor_changes_need_the_password_and_a_code, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    app.forget_confirmations();
    client.get("/security/totp").await.to("/confirm-password?next=%2Fsecurity%2Ftotp");
    client
        .post("/confirm-password", &[("password", PASSWORD), ("next", "/security/totp")])
        .await
        .to("/security/totp");
    let (authenticator, codes) = Authenticator::set_up(&app, &client).await;

    app.forget_confirmations();
    let remove = "/security/totp/remove";
    let page = client.post(remove, &[]).await.expect(403).has("remove your authenticator app");
    assert_page(&page);
    assert_eq!(page.texts("label"), ["Password", "Code"]);
    for (password, code, status) in [
        (PASSWORD, "", 422),
        (PASSWORD, "000000", 422),
        ("wrong", &*authenticator.code(), 422),
        (PASSWORD, &authenticator.code_in(-120), 422),
    ] {
        let fields = [("confirm_password", password), ("confirm_code", code)];
        let page = client.post(remove, &fields).await.expect(status);
        assert!(page.field_error("confirm_password").is_some(), "{password} {code}");
    }
    let fields = [("name", "Ada"), ("current_password", PASSWORD), ("email", "ada@example.com")];
    let page = client.post("/profile/email", &fields[1..]).await.expect(422);
    assert!(page.field_error("current_password").unwrap().contains("code"));
    let code = [("confirm_code", codes[0].as_str())];
    client.post("/profile/email", &[&fields[1..], &code].concat()).await.to("/profile");
    client.post("/profile/email", &[&fields[1..], &code].concat()).await.expect(422);
    let fields = [("confirm_password", PASSWORD), ("confirm_code", &authenticator.code())];
    client.post(remove, &fields).await.to("/security");
    client.get("/security").await.expect(200).has("Your password alone is enough").lacks("Recovery codes");
    ada.sign_in(&app.client()).await;
    for table in ["authenticators", "recovery_codes", "trusted_browsers"] {
        assert_eq!(
            app.query_text(&format!("SELECT count(*) FROM {table}"))[0][0].as_deref(),
            Some("0"),
            "{table}"
        );
    }
});

on_both_stacks!(new_recovery_codes_make_the_old_ones_void, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    client.post("/security/recovery-codes", &[]).await.to("/security");
    let (_, old) = Authenticator::set_up(&app, &client).await;
    let page = client.post("/security/recovery-codes", &[]).await.expect(200);
    assert_page(&page);
    let new = page.texts(".codes code");
    assert_eq!((new.len(), new.iter().any(|code| old.contains(code))), (10, false));
    let other = app.client();
    ada.give_password(&other).await;
    other.post("/login/verify", &[("code", &old[0])]).await.expect(401);
    other.post("/login/verify", &[("code", &new[0])]).await.to("/profile");
});

on_both_stacks!(administrator_removes_a_lost_second_factor, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let path = app.admin_path(&ada);
    admin.get(&path).await.expect(200).lacks("Second factor");
    let reset = format!("{path}/reset-second-factor");
    admin.post(&reset, &[]).await.to(&path);
    admin.get(&path).await.has("Nothing was changed");
    Authenticator::set_up(&app, &client).await;
    let page = admin.get(&path).await.expect(200).has("10 recovery codes are left");
    assert_page(&page);
    client.post(&reset, &[]).await.expect(403);
    app.forget_confirmations();
    admin.post(&reset, &[]).await.expect(403).has("remove the second factor of Ada Lovelace");
    let fields = [("reason", "Lost phone"), ("note", "called"), ("confirm_password", PASSWORD)];
    admin.post(&reset, &fields).await.to(&path);
    assert!(!signed_in(&client).await);
    assert_eq!(app.end_messages("ended_by_admin"), ["Lost phone"]);
    ada.sign_in(&client).await;
    admin.get(&path).await.expect(200).has("Second factor removed by an administrator").has("Lost phone");
});

on_both_stacks!(operator_removes_a_lost_second_factor, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let run = |app: &TestApp| {
        Program::run(
            &["user", "reset-second-factor", &ada.email, "--reason", "Lost phone"],
            &app.command_vars(),
            "",
        )
    };
    Authenticator::set_up(&app, &client).await;
    let done = run(&app).done();
    assert!(done.contains("signs in with the password alone"), "{done}");
    eventually(|| async { !signed_in(&client).await }).await;
    ada.sign_in(&client).await;
});

on_both_stacks!(authenticator_keys_move_to_a_new_secret, |stack| async {
    let (old, new) = (random_secret(), random_secret());
    let mut app = TestApp::builder(stack).var("SESSION_SECRET", &old).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let before = app.sealed_keys();
    app.restart_with(&[("SESSION_SECRET", &format!("{new},{old}"))]).await;
    eventually(|| async { app.sealed_keys() != before }).await;
    app.restart_with(&[("SESSION_SECRET", &new)]).await;
    let other = app.client();
    ada.give_password(&other).await;
    other.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
});

on_both_stacks!(new_password_forgets_trusted_browsers, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let browser = app.client();
    ada.give_password(&browser).await;
    browser.post("/login/verify", &[("code", &*authenticator.code()), ("trust", "on")]).await.to("/profile");
    let page = client.get("/security").await.expect(200).has("Firefox 140 on Linux");
    let export = client.get("/profile/export").await.expect(200).json();
    let factor = &export["second_factor"];
    assert_eq!(factor["trusted_browsers"][0]["device"], "Firefox 140 on Linux");
    assert_eq!(factor["recovery_codes_left"], 10);
    assert!(factor["authenticator_since"].is_string());
    assert_page(&page);
    browser.post("/logout", &[]).await.to("/");
    ada.sign_in(&browser).await;

    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    client.post("/profile/password", &fields).await.to("/profile");
    client.get("/security").await.expect(200).lacks("Firefox 140 on Linux");
    browser.post("/login", &[("email", &*ada.email), ("password", new)]).await.to("/login/verify");
});
