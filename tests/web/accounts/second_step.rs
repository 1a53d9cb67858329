//! Tests `/login/verify`: after the right password there is no session before a code was given.

use crate::support::{authenticator::Authenticator, *};

on_both_stacks!(sign_in_with_an_authenticator_app, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let other = app.client();
    let fields = [("email", &*ada.email), ("password", PASSWORD), ("remember", "on"), ("next", "/sessions")];
    other.post("/login", &fields).await.to("/login/verify?next=%2Fsessions");
    assert!(other.cookie(COOKIE).is_none(), "no session yet");
    assert_eq!(app.active_session_ids().len(), 1);
    let page = other.get("/login/verify?next=%2Fsessions").await.expect(200);
    assert_page(&page);
    other.get("/profile").await.to("/login?next=%2Fprofile");

    for wrong in ["", "000000", "12345", &authenticator.code_in(-120), "ﬀﬀﬀ", &"9".repeat(5_000)] {
        let page = other.post("/login/verify", &[("code", wrong), ("next", "/sessions")]).await;
        let status = if wrong.is_empty() || wrong.len() > 100 { 422 } else { 401 };
        assert_page(&page);
        assert!(page.expect(status).field_error("code").is_some(), "{wrong:?}");
    }
    let code = authenticator.code();
    let spaced = format!(" {} {}", &code[..3], &code[3..]);
    other.post("/login/verify", &[("code", &*spaced), ("next", "/sessions")]).await.to("/sessions");
    let cookie = other.cookie(COOKIE).unwrap();
    assert!(cookie.max_age().is_some(), "the tick at the first step counts");
    other.get("/sessions").await.expect(200).has("Password and authenticator app");
    let session = other.get("/auth/session").await.expect(200).json();
    assert_eq!(session["method"], "password+totp");
    assert_eq!(session["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
    assert_eq!(app.event_count_of("second_step_failed"), 4);

    // A code works once, and a step once.
    let third = app.client();
    ada.give_password(&third).await;
    third.post("/login/verify", &[("code", &code)]).await.expect(401);
    other.post("/login/verify", &[("code", &authenticator.code_in(30))]).await.to("/login");
});

on_both_stacks!(sign_in_with_a_recovery_code_works_once, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, codes) = Authenticator::set_up(&app, &client).await;
    let typed = codes[3].to_uppercase().replace('-', " ");
    let [first, second] = [app.client(), app.client()];
    for browser in [&first, &second] {
        ada.give_password(browser).await;
    }
    first.post("/login/verify", &[("code", &typed)]).await.to("/profile");
    second.post("/login/verify", &[("code", &typed)]).await.expect(401);
    client.get("/security").await.expect(200).has("9 of 10 are left");
    assert_eq!(first.get("/auth/me").await.expect(200).json()["user"]["method"], "password+recovery");
    let (bob, other) = app.person("Bob Kahn").await;
    Authenticator::set_up(&app, &other).await;
    let stranger = app.client();
    bob.give_password(&stranger).await;
    stranger.post("/login/verify", &[("code", &codes[5])]).await.expect(401);
});

on_both_stacks!(second_step_is_of_one_browser_and_dies_with_changes, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let open = || async {
        let browser = app.client();
        ada.give_password(&browser).await;
        browser
    };
    let refused = |browser: Client, why: &'static str| {
        app.forget_used_codes();
        let code = authenticator.code();
        async move {
            let answer = browser.post("/login/verify", &[("code", &code)]).await;
            assert_eq!(answer.location(), Some("/login"), "{why}: {}", answer.summary());
            assert!(browser.cookie(COOKIE).is_none(), "{why}");
            browser.get("/login").await.expect(200).has("Give your password once more");
        }
    };
    refused(app.client(), "another browser").await;
    let late = open().await;
    app.run_script("UPDATE tokens SET expires_at = '2020-01-01 00:00:00' WHERE purpose = 'second_step'");
    refused(late, "after ten minutes").await;
    let used = open().await;
    let copy = used.copy();
    used.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
    refused(copy, "used").await;

    let path = app.admin_path(&ada);
    let ended = open().await;
    admin.post(&format!("{path}/end-sessions"), &[]).await.to(&path);
    refused(ended, "all sessions ended").await;
    let demoted = open().await;
    admin.post(&format!("{path}/role"), &[("role", "admin")]).await.to(&path);
    refused(demoted, "role").await;
    let deactivated = open().await;
    admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    refused(deactivated, "deactivated").await;
    admin.post(&format!("{path}/activate"), &[]).await.to(&path);
    let changed = open().await;
    app.forget_used_codes();
    let own = open().await;
    own.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    own.post("/profile/password", &fields).await.to("/profile");
    refused(changed, "password").await;
});

on_both_stacks!(second_step_guesses_wait, |stack| async {
    let app = TestApp::builder(stack).var("THROTTLE", "on").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let guesser = app.client();
    ada.give_password(&guesser).await;
    let mut page = None;
    for _ in 0..8 {
        let answer = guesser.post("/login/verify", &[("code", "000000")]).await;
        if answer.status == 429 {
            page = Some(answer);
            break;
        }
        let _ = answer.expect(401);
    }
    let page = page.expect("guesses wait").has("too many wrong codes");
    assert_page(&page);
    assert!(page.header("retry-after").is_some());
    // The owner's own browser, which has signed in before, has a count of its own.
    ada.give_password(&client).await;
    client.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
});

on_both_stacks!(calls_sign_in_with_two_steps, |stack| async {
    use reqwest::Method;
    use serde_json::json;
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, codes) = Authenticator::set_up(&app, &client).await;
    let program = app.client();
    let answer = program.send_json(Method::POST, "/auth/login", &ada.credentials()).await.expect(401).json();
    assert!(answer["type"].as_str().unwrap().ends_with("mfa-required"), "{answer}");
    assert_eq!(answer["methods"], json!(["totp", "recovery"]));
    assert!(program.cookie(COOKIE).is_none());
    let token = answer["mfa_token"].as_str().unwrap();
    let path = "/auth/login/verify";
    let wrong = program.send_json(Method::POST, path, &json!({"mfa_token": token, "code": "000000"})).await;
    assert!(wrong.expect(401).json()["type"].as_str().unwrap().ends_with("mfa-wrong-code"));
    for (body, field) in [
        (json!({"code": "000000"}), "mfa_token"),
        (json!({"mfa_token": token}), "code"),
        (json!({"mfa_token": token, "code": "000000", "trust": true}), "trust"),
        (json!({"mfa_token": token, "code": 123456}), "code"),
    ] {
        let problem = program.send_json(Method::POST, path, &body).await.expect(422).json();
        assert!(problem["errors"][field].is_array(), "{problem}");
    }
    let forged = json!({"mfa_token": &token[1..], "code": codes[0]});
    let over = program.send_json(Method::POST, path, &forged).await.expect(401).json();
    assert!(over["type"].as_str().unwrap().ends_with("mfa-over"), "{over}");
    let body = json!({"mfa_token": token, "code": authenticator.code(), "token": true});
    let signed_in = program.send_json(Method::POST, path, &body).await.expect(200).json();
    assert_eq!(signed_in["user"]["amr"], json!(["pwd", "otp", "mfa"]));
    let bearer = signed_in["token"].as_str().unwrap();
    let me = app.client().with_token(Method::GET, "/auth/me", bearer).send().await.expect(200).json();
    assert_eq!(me["user"]["email"], ada.email);
    let again = program.send_json(Method::POST, path, &body).await.expect(401).json();
    assert!(again["type"].as_str().unwrap().ends_with("mfa-over"), "{again}");
});

on_both_stacks!(sessions_are_listed_and_ended_by_how_they_were_signed_in, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let strong = app.client();
    ada.give_password(&strong).await;
    strong.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
    let page = admin.get("/admin/sessions?method=password%2Btotp").await.expect(200);
    assert_page(&page);
    assert_eq!(page.texts("table .email"), [&*ada.email]);
    admin.get("/admin/sessions?method=magic").await.expect(422);
    let id = own_session_id(&strong).await;
    admin.get(&format!("/admin/sessions/{id}")).await.expect(200).has("Password and authenticator app");
    let fields = [("q", "ada"), ("method", "password"), ("reason", "Only a password")];
    let preview = admin.post("/admin/sessions/end", &fields).await.expect(200).has("1 session");
    let form = preview.form("/admin/sessions/end");
    admin.post("/admin/sessions/end", &form.with(&[])).await.to("/admin/sessions");
    assert!(signed_in(&strong).await && !signed_in(&client).await);
});
