//! Tests passkeys over HTTP, with an authenticator that can lie: adding, using and removing them, and messages that are wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    authenticator::Authenticator,
    passkey::{SoftPasskey, base64url, options, send},
    smtp::SmtpServer,
    *,
};

const OPTIONS: &str = "/login/passkey/options";
const SIGN_IN: &str = "/login/passkey";

/// Asserts that a passkey is refused for this reason, and that nobody is signed in.
fn assert_refused(client: &Client, answer: &Answer, reason: &str) {
    let problem = answer.problem(401);
    assert!(problem["type"].as_str().unwrap().ends_with(reason), "{reason}: {problem}");
    assert!(client.cookie(COOKIE).is_none(), "{reason}");
}

on_both_stacks!(passkey_is_added_and_signs_in_alone, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    assert_page(&client.get("/security").await.expect(200).has("You have no passkey yet"));
    assert_page(&client.get("/security/passkeys").await.expect(200));
    let begun = options(&client, "/security/passkeys/options").await.expect(200).json();
    let asked = &begun["publicKey"];
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    assert_eq!((&asked["attestation"], &asked["rp"]["id"]), (&json!("none"), &json!("localhost")));
    let (mut passkey, page) = SoftPasskey::added(&app, &client, "My <laptop>").await;
    assert_page(&page);
    assert_eq!(page.expect(200).has("The passkey was added").texts(".codes code").len(), 10);
    let page = client.get("/security").await.expect(200).has("My <laptop>").has("On one device");
    assert_page(&page.has("10 of 10 are left"));

    let other = app.client();
    let begun = options(&other, OPTIONS).await.expect(200).json();
    assert_eq!(begun["publicKey"]["allowCredentials"], json!([]));
    let mut body = passkey.sign_in_body(&begun);
    body["remember"] = json!(true);
    body["next"] = json!("/sessions");
    assert_eq!(send(&other, SIGN_IN, &body).await.expect(200).json(), json!({ "location": "/sessions" }));
    assert!(other.cookie(COOKIE).unwrap().max_age().is_some());
    let me = other.get("/auth/me").await.expect(200).json();
    assert_eq!((&me["user"]["email"], &me["user"]["method"]), (&json!(ada.email), &json!("passkey")));
    assert_eq!(me["user"]["amr"], json!(["pop", "user", "mfa"]));
    let third = app.client();
    assert_refused(&third, &send(&third, SIGN_IN, &body).await, "passkey-wrong");
    let export = client.get("/profile/export").await.expect(200).json();
    assert_eq!(export["second_factor"]["passkeys"][0]["name"], "My <laptop>");
    assert!(export["second_factor"]["passkeys"][0]["last_used_at"].is_string());
    assert_eq!(app.event_count_of("passkey_added"), 1);
});

on_both_stacks!(passkey_has_the_name_of_the_site_and_leads_to_its_home, |stack| async {
    let mut app = TestApp::builder(stack).var("SITE_NAME", "Harbour").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    app.restart_with(&[("HOME_URL", "/members")]).await;
    let begun = options(&client, "/security/passkeys/options").await.expect(200).json();
    assert_eq!(begun["publicKey"]["rp"]["name"], "Harbour");
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    let begun = options(&app.client(), OPTIONS).await.expect(200).json();
    let answer = send(&app.client(), SIGN_IN, &passkey.sign_in_body(&begun)).await.expect(200);
    assert_eq!(answer.json(), json!({ "location": "/members" }));
});

on_both_stacks!(passkey_is_the_second_step_after_a_password, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    let (_, eve) = app.person("Eve Moneypenny").await;
    let (mut foreign, _) = SoftPasskey::added(&app, &eve, "Other").await;
    let other = app.client();
    ada.give_password(&other).await;
    let page = other.get("/login/verify").await.expect(200).has("one of your passkeys");
    assert_page(&page);
    let path = "/login/verify/options";
    let begun = options(&other, path).await.expect(200).json();
    assert_eq!(begun["publicKey"]["allowCredentials"][0]["id"], base64url(&passkey.id));
    for wrong in [foreign.get(&begun), "{".to_owned(), "x".to_owned()] {
        let page = other.post("/login/verify", &[("passkey", &*wrong)]).await.expect(401);
        assert_page(&page);
    }
    // What was asked for one purpose is good for no other.
    let for_sign_in = options(&other, OPTIONS).await.expect(200).json();
    other.post("/login/verify", &[("passkey", &*passkey.get(&for_sign_in))]).await.expect(401);
    let stranger = app.client();
    assert_refused(
        &stranger,
        &send(&stranger, SIGN_IN, &passkey.sign_in_body(&begun)).await,
        "passkey-wrong",
    );
    options(&stranger, path).await.problem(401);
    other.post("/login/verify", &[("passkey", &*passkey.get(&begun)), ("trust", "on")]).await.to("/profile");
    assert_eq!(other.get("/auth/session").await.json()["method"], "password+passkey");
    let program = app.client();
    let answer = send(&program, "/auth/login", &ada.credentials()).await.problem(401);
    assert_eq!(answer["methods"], json!(["passkey", "recovery"]));
});

on_both_stacks!(passkey_messages_that_are_wrong_are_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    let other = app.client();
    type Lie = fn(&mut SoftPasskey);
    let lies: [(&str, Lie, &str); 6] = [
        ("origin", |key| key.origin = "http://evil.example".into(), "passkey-wrong"),
        ("rp id", |key| key.rp_id = "evil.example".into(), "passkey-wrong"),
        ("user handle", |key| key.user_handle = vec![7; 16], "passkey-wrong"),
        ("user verification", |key| key.verifies_user = false, "passkey-wrong"),
        ("identifier", |key| key.id = vec![7; 16], "passkey-unknown"),
        ("backup", |key| key.is_synced = true, "passkey-wrong"),
    ];
    for (what, lie, reason) in lies {
        let mut liar = passkey.clone();
        lie(&mut liar);
        let answer = liar.sign_in(&other).await;
        println!("{what}");
        assert_refused(&other, &answer, reason);
    }
    // A challenge of another ceremony.
    let [first, second] = [
        options(&other, OPTIONS).await.expect(200).json(),
        options(&other, OPTIONS).await.expect(200).json(),
    ];
    let mut mixed = passkey.clone().sign_in_body(&first);
    mixed["ceremony"] = second["ceremony"].clone();
    assert_refused(&other, &send(&other, SIGN_IN, &mixed).await, "passkey-wrong");
    let whole = passkey.clone().sign_in_body(&first);
    for field in ["clientDataJSON", "authenticatorData", "signature"] {
        let mut cut = whole.clone();
        let text = cut["credential"]["response"][field].as_str().unwrap().to_owned();
        for part in ["", &text[..4], &text[..text.len() - 8], "AAAA", "!"] {
            cut["credential"]["response"][field] = json!(part);
            assert_refused(&other, &send(&other, SIGN_IN, &cut).await, "passkey-wrong");
        }
    }
    // Nothing says whose it is.
    let mut nameless = whole.clone();
    nameless["credential"]["response"].as_object_mut().unwrap().remove("userHandle");
    assert_refused(&other, &send(&other, SIGN_IN, &nameless).await, "passkey-incomplete");
    for body in [json!({}), json!([]), json!({"ceremony": 1, "credential": {}}), json!({"ceremony": "x"})] {
        send(&other, SIGN_IN, &body).await.problem(400);
    }
    // The rest still works, until the account is deactivated.
    passkey.clone().sign_in(&app.client()).await.expect(200);
    app.set_active(&ada, false);
    // Browsers drop what is unknown, and this one is good again later.
    assert_refused(&other, &passkey.clone().sign_in(&other).await, "passkey-wrong");
    assert!(app.event_count_of("sign_in_failed") > 10);
});

on_both_stacks!(passkey_that_counts_back_is_refused_and_told, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    passkey.counter = 5;
    let mut copy = passkey.clone();
    passkey.sign_in(&app.client()).await.expect(200);
    passkey.sign_in(&app.client()).await.expect(200);
    let thief = app.client();
    assert_refused(&thief, &copy.sign_in(&thief).await, "passkey-cloned");
    assert_refused(&thief, &copy.clone().sign_in(&thief).await, "passkey-cloned");
    assert_eq!(app.event_count_of("passkey_cloned"), 2);
    let mail = smtp.mail_about("One of your passkeys").await;
    assert!(mail.link().ends_with("/security"));
    client.get("/activity").await.expect(200).has("Passkey refused that seems to have been copied");
    admin.get(&app.admin_path(&ada)).await.expect(200).has("seems to have been copied").has("Laptop");
    passkey.sign_in(&app.client()).await.expect(200);
    client.get("/security").await.expect(200).has("counter at 8");
});

on_both_stacks!(passkey_answer_sent_twice_is_no_sign_of_a_copy, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    passkey.counter = 5;
    let begun = options(&client, OPTIONS).await.expect(200).json();
    let mut copy = passkey.clone();
    let sent = passkey.sign_in_body(&begun);
    send(&app.client(), SIGN_IN, &sent).await.expect(200);
    let other = app.client();
    assert_refused(&other, &send(&other, SIGN_IN, &sent).await, "passkey-wrong");
    assert_eq!(app.event_count_of("passkey_cloned"), 0);
    // What a copy says is told of once, too.
    let begun = options(&client, OPTIONS).await.expect(200).json();
    let sent = copy.sign_in_body(&begun);
    assert_refused(&other, &send(&other, SIGN_IN, &sent).await, "passkey-cloned");
    assert_refused(&other, &send(&other, SIGN_IN, &sent).await, "passkey-wrong");
    assert_eq!((app.event_count_of("passkey_cloned"), app.event_count_of("sign_in_failed")), (1, 3));
});

on_both_stacks!(passkey_options_take_no_fields, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for path in [OPTIONS, "/confirm-password/options", "/security/passkeys/options"] {
        let call = |kind, body: &str| client.call(Method::POST, path).body(kind, body.to_owned()).send();
        for nothing in ["", "{}"] {
            call("application/json", nothing).await.expect(200);
        }
        let problem = call("application/json", r#"{"allowCredentials":[]}"#).await.problem(422);
        assert!(problem["errors"]["allowCredentials"].is_array(), "{path}: {problem}");
        call("application/json", "[]").await.problem(400);
        call("application/json", &" ".repeat(70_000)).await.problem(413);
        call("text/plain", "x").await.problem(415);
    }
});

on_both_stacks!(passkey_name_with_markup_and_odd_characters_is_shown_as_text, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let odd = "<b onclick=x> \"'&amp; \u{5d0}\u{1f511}";
    let (_, page) = SoftPasskey::added(&app, &client, odd).await;
    assert_page(&page.expect(200));
    let path = app.admin_path(&ada);
    for (client, page) in
        [(&client, "/security"), (&client, "/activity"), (&admin, &*path), (&admin, "/admin/events")]
    {
        let page = client.get(page).await.expect(200).has("<b onclick=x>");
        assert_page(&page);
        assert!(page.attributes("b[onclick]", "onclick").is_empty(), "{}", page.request);
    }
    assert_eq!(client.get("/profile/export").await.json()["second_factor"]["passkeys"][0]["name"], odd);
    admin.get("/admin/events.csv").await.expect(200);
    for wrong in ["", " ", "a\0b", "a\u{202e}gnp.exe", "\u{9b}31m", "a\nb", "\u{200b}", &"x".repeat(1_000)] {
        let (_, page) = SoftPasskey::added(&app, &client, wrong).await;
        assert_page(&page.expect(422));
    }
});

on_both_stacks!(passkeys_are_removed_with_what_stands_in_for_them, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    // Of an app beside it there are no new codes.
    let authenticator = Authenticator::offered(&client).await;
    client.post("/security/totp", &[("code", &authenticator.code())]).await.to("/security");
    app.forget_used_codes();
    let (_, answer) = SoftPasskey::added(&app, &client, "Phone").await;
    answer.to("/security");
    let ids = || app.query_text("SELECT id FROM passkeys ORDER BY id").into_iter().flatten().flatten();
    let count = |table: &str| app.query_text(&format!("SELECT count(*) FROM {table}"))[0][0].clone().unwrap();
    let paths: Vec<String> = ids().map(|id| format!("/security/passkeys/{id}/remove")).collect();
    let (_, eve) = app.person("Eve Moneypenny").await;
    eve.post(&paths[0], &[]).await.to("/security");
    assert_eq!(count("passkeys"), "2");
    client.post("/security/totp/remove", &[]).await.to("/security");
    client.post(&paths[1], &[]).await.to("/security");
    assert_eq!(count("recovery_codes"), "10");
    passkey.sign_in(&app.client()).await.expect(200);
    client.post(&paths[0], &[]).await.to("/security");
    client.get("/security").await.expect(200).has("You have no passkey yet");
    assert_eq!((count("recovery_codes"), count("passkeys")), ("0".to_owned(), "0".to_owned()));
    let other = app.client();
    assert_refused(&other, &passkey.sign_in(&other).await, "passkey-unknown");
    ada.sign_in(&other).await;

    SoftPasskey::added(&app, &client, "Again").await.1.expect(200);
    let path = app.admin_path(&ada);
    admin.get(&path).await.expect(200).has("Again for localhost");
    admin.post(&format!("{path}/reset-second-factor"), &[("reason", "Lost")]).await.to(&path);
    assert_eq!((count("passkeys"), signed_in(&client).await), ("0".to_owned(), false));
    ada.sign_in(&client).await;
});

on_both_stacks!(passkey_ceremony_is_of_its_session_and_time, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, ada) = app.person("Ada Lovelace").await;
    let (_, eve) = app.person("Eve Moneypenny").await;
    let begun: Value = options(&ada, "/security/passkeys/options").await.expect(200).json();
    let mut passkey = SoftPasskey::new(&app);
    let said = passkey.create(&begun);
    let fields = [("name", "x"), ("passkey", &*said)];
    assert_page(&eve.post("/security/passkeys", &fields).await.expect(422));
    ada.post("/security/passkeys", &fields).await.expect(200);
    ada.post("/security/passkeys", &fields).await.expect(422);
    // Somebody else's passkey can't be taken over.
    let begun = options(&eve, "/security/passkeys/options").await.expect(200).json();
    let again = passkey.clone().create(&begun);
    eve.post("/security/passkeys", &[("name", "x"), ("passkey", &*again)]).await.expect(422);
    assert_eq!(app.event_count_of("passkey_added"), 1);
});
