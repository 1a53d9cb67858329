//! Tests the state of an open second step, which the browser holds: it is taken as it was sealed and where it was begun, and nothing else is
//! taken for one.

use serde_json::json;

use crate::support::{
    authenticator::Authenticator,
    passkey::{SoftPasskey, options},
    *,
};

const STATE: &str = "gatehouse-step";
const VERIFY: &str = "/login/verify";

on_both_stacks!(second_step_state_is_taken_as_it_was_sealed_alone, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let (authenticator, codes) = Authenticator::set_up(&app, &own).await;
    let trusting = app.client();
    ada.give_password(&trusting).await;
    trusting.post(VERIFY, &[("code", &*authenticator.code()), ("trust", "on")]).await.to("/profile");
    let browser = app.client();
    ada.give_password(&browser).await;
    let state = browser.cookie(STATE).unwrap().value;
    let id = app.user_id(&ada);
    let epoch =
        app.query_text(&format!("SELECT session_epoch FROM users WHERE id = {id}"))[0][0].clone().unwrap();
    let hash =
        app.query_text("SELECT token_hash FROM tokens WHERE purpose = 'second_step'")[0][0].clone().unwrap();
    let mut forged = vec![String::new(), "x".to_owned(), hash.clone(), format!("{hash} {epoch} remember")];
    // What is sealed for something else.
    forged.extend(trusting.cookies().into_iter().chain(own.cookies()).map(|cookie| cookie.value));
    let begun = options(&app.client(), "/login/passkey/options").await.expect(200).json();
    forged.push(begun["ceremony"].as_str().unwrap().to_owned());
    // One character is another, at any place; one is missing, or one too many.
    for at in (0..state.len()).step_by(7).chain([state.len() - 1]) {
        let mut bytes = state.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).unwrap());
    }
    forged.extend([state[1..].to_owned(), state[..state.len() - 2].to_owned(), format!("{state}AAAA")]);
    for value in &forged {
        let stranger = app.client();
        stranger.set_cookie(STATE, value);
        let answer = stranger.post(VERIFY, &[("code", &codes[0])]).await;
        assert_eq!(answer.location(), Some("/login"), "{value}: {}", answer.summary());
        assert!(stranger.cookie(COOKIE).is_none(), "{value}");
    }
    browser.post(VERIFY, &[("code", &codes[0])]).await.to("/profile");
    let program = app.client();
    for value in &forged {
        let sent = json!({ "mfa_token": value, "code": codes[1] });
        let answer = program.send_json(reqwest::Method::POST, "/auth/login/verify", &sent).await;
        assert!(matches!(answer.status, 401 | 422), "{value}: {}", answer.summary());
    }
    assert_eq!(app.active_session_ids().len(), 3);
});

on_both_stacks!(passkey_ceremony_is_of_its_browser, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &own, "Laptop").await;
    let [first, second] = [app.client(), app.client()];
    for browser in [&first, &second] {
        ada.give_password(browser).await;
    }
    let path = "/login/verify/options";
    let begun = options(&first, path).await.expect(200).json();
    let said = passkey.get(&begun);
    second.post(VERIFY, &[("passkey", &*said)]).await.expect(401);
    first.post(VERIFY, &[("passkey", &*said)]).await.to("/profile");
    let begun = options(&second, path).await.expect(200).json();
    second.post(VERIFY, &[("passkey", &*passkey.get(&begun))]).await.to("/profile");
    // The same of a confirmation, and of a new passkey.
    for (path, field) in [("/confirm-password", "confirm_passkey"), ("/security/passkeys", "passkey")] {
        let begun = options(&first, &format!("{path}/options")).await.expect(200).json();
        let said = match field {
            "passkey" => SoftPasskey::new(&app).create(&begun),
            _ => passkey.get(&begun),
        };
        let form = [("name", "Phone"), (field, &*said)];
        let fields = if field == "passkey" { &form[..] } else { &form[1..] };
        assert_page(&second.post(path, fields).await.expect(422));
        assert!(matches!(first.post(path, fields).await.status, 200 | 303), "{path}");
    }
    assert_eq!(app.active_session_ids().len(), 3);
});
