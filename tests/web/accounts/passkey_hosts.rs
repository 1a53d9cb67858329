//! Tests that passkeys belong to the host that they were made for.

use serde_json::json;

use crate::support::{
    passkey::{SoftPasskey, options},
    *,
};

const OPTIONS: &str = "/login/passkey/options";

on_both_stacks!(passkey_of_another_host_is_of_no_use_until_it_is_this_one_again, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (mut passkey, page) = SoftPasskey::added(&app, &client, "Laptop").await;
    let code = page.texts(".codes code").remove(0);
    app.run_script("UPDATE passkeys SET rp_id = 'old.example'");
    let other = app.client();
    let problem = passkey.sign_in(&other).await.problem(401);
    assert!(problem["type"].as_str().unwrap().ends_with("passkey-unknown"), "{problem}");
    ada.give_password(&other).await;
    other.get("/login/verify").await.expect(200).lacks("asskey");
    let begun = options(&other, "/login/verify/options").await.expect(200).json();
    assert_eq!(begun["publicKey"]["allowCredentials"], json!([]));
    other.post("/login/verify", &[("passkey", &*passkey.get(&begun))]).await.expect(401);
    let begun = options(&client, "/security/passkeys/options").await.expect(200).json();
    assert_eq!(begun["publicKey"]["excludeCredentials"], json!([]));
    other.post("/login/verify", &[("code", &code)]).await.to("/profile");
    assert_page(&other.get("/security").await.expect(200).has("old.example"));
    app.run_script("UPDATE passkeys SET rp_id = 'localhost'");
    passkey.sign_in(&app.client()).await.expect(200);
});

on_both_stacks!(passkeys_are_for_the_host_and_origin_of_base_url, |stack| async {
    let app = TestApp::builder(stack).var("BASE_URL", "http://login.example.localhost:8080").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let begun = options(&client, "/security/passkeys/options").await.expect(200).json();
    assert_eq!(begun["publicKey"]["rp"]["id"], "login.example.localhost");
    let right = ("http://login.example.localhost:8080", "login.example.localhost");
    for (origin, host) in [
        ("http://login.example.localhost", right.1),
        ("https://login.example.localhost:8080", right.1),
        ("http://login.example.localhost:8081", right.1),
        ("http://a.login.example.localhost:8080", right.1),
        ("http://example.localhost:8080", right.1),
        (right.0, "example.localhost"),
        (right.0, "localhost"),
        right,
    ] {
        let begun = options(&client, "/security/passkeys/options").await.expect(200).json();
        let mut passkey = SoftPasskey::new(&app);
        (passkey.origin, passkey.rp_id) = (origin.to_owned(), host.to_owned());
        let said = passkey.create(&begun);
        let status = if (origin, host) == right { 200 } else { 422 };
        client.post("/security/passkeys", &[("name", "x"), ("passkey", &*said)]).await.expect(status);
        if status == 200 {
            passkey.sign_in(&app.client()).await.expect(200);
            passkey.origin = "http://login.example.localhost:8081".to_owned();
            passkey.sign_in(&app.client()).await.problem(401);
        }
    }
});

on_both_stacks!(site_at_an_ip_address_has_no_passkeys, |stack| async {
    let app = TestApp::builder(stack).var("BASE_URL", "http://127.0.0.1:3000").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    client.get("/security").await.expect(200).lacks("asskey");
    app.client().get("/login").await.expect(200).lacks("asskey");
    client.get("/security/passkeys").await.expect(404);
    options(&app.client(), OPTIONS).await.problem(403);
});

on_both_stacks!(passkeys_of_another_host_are_told_of, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let id = app.user_id(&ada);
    for (name, host) in [("a", "localhost"), ("b", "old.example"), ("c", "old.example")] {
        app.run_script(&format!(
            "INSERT INTO passkeys (user_id, name, credential_id, user_handle, credential, rp_id, sign_count, \
             backup_eligible, backed_up, created_at) \
             VALUES ({id}, '{name}', '{name}', '00', '{{}}', '{host}', 0, FALSE, FALSE, '2026-01-01 00:00:00')"
        ));
    }
    let said = Program::run(&["check-config"], &app.command_vars(), "").done();
    let line = "BASE_URL: 2 passkeys are for the host old.example and can't be used at another one";
    assert!(said.contains(line) && !said.contains("localhost"), "{said}");
    let program = app.second_program();
    eventually(|| async { program.output().contains(line) }).await;
});
